import { defineScript } from '@lockstep/redis';
import { layout, parseRelease } from '../answer.ts';
import { permitsLua } from './permits.ts';
import { goneLua, queueLua } from './queue.ts';

/** Gives permits back, or a place in the line; otherwise as `releaseMutex`. */
export const releasePermits = defineScript({
  name: 'lock.permits.release',
  keys: ['holders', 'extras', 'wants', 'waiters', 'alive', 'gone', 'meta'],
  args: ['request', 'channel', 'refuse_ms', 'exact'],
  include: [queueLua, permitsLua, goneLua],
  lua: /* lua */ `
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
drop_expired()
if channel ~= '' then
  leave(waiters, alive, channel .. ' ' .. request)
  redis.call('HDEL', wants, channel .. ' ' .. request)
end
if redis.call('ZSCORE', holders, request) then
  redis.call('ZREM', holders, request)
  redis.call('HDEL', extras, request)
  keep_while_held()
  finish(gone, request, refuse_ms, true)
  summon_fitting(false)
  return 1
end
if was_released(gone, request) then return 1 end
finish(gone, request, refuse_ms, false)
summon_fitting(true)
return 0
`,
  idempotent: true,
  allowOom: true,
  parse: parseRelease,
});
