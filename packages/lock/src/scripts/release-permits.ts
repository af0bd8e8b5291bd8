import { defineScript } from '@lockstep/redis';
import { parseRelease } from '../answer.ts';
import { permitsLua } from './permits.ts';
import { goneLua, queueLua } from './queue.ts';

/** Gives permits back, or a place in the line; otherwise as `releaseMutex`. */
export const releasePermits = defineScript({
  name: 'lock.permits.release',
  keys: ['holders', 'extras', 'wants', 'waiters', 'alive', 'gone'],
  args: ['request', 'channel', 'refuse_ms', 'exact'],
  include: [queueLua, permitsLua, goneLua],
  lua: /* lua */ `
drop_expired()
if channel ~= '' then
  leave(waiters, alive, channel .. ' ' .. request)
  redis.call('HDEL', wants, channel .. ' ' .. request)
end
if redis.call('ZSCORE', holders, request) then
  give_back(request)
  keep_while_held(holders)
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
