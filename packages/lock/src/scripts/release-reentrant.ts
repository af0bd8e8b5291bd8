import { defineScript } from '@lockstep/redis';
import { layout, parseRelease } from '../answer.ts';
import { holdsLua } from './acquire-reentrant.ts';
import { goneLua, queueLua } from './queue.ts';

/** Gives one hold of a re-entrant owner back; the last one frees the lock. Otherwise as `releaseMutex`. */
export const releaseReentrant = defineScript({
  name: 'lock.reentrant.release',
  keys: ['lock', 'waiters', 'alive', 'gone', 'meta', 'holds'],
  args: ['request', 'owner', 'channel', 'refuse_ms', 'exact'],
  include: [queueLua, holdsLua, goneLua],
  lua: /* lua */ `
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
if channel ~= '' then leave(waiters, alive, channel .. ' ' .. request) end
local holder = redis.call('GET', lock)
local deadline = holder == owner and redis.call('ZSCORE', holds, request)
if deadline then
  redis.call('ZREM', holds, request)
  redis.call('ZREMRANGEBYSCORE', holds, '-inf', int(now))
  local in_time = deadline * 1.0 > now
  finish(gone, request, refuse_ms, in_time)
  if redis.call('ZCARD', holds) == 0 then
    redis.call('DEL', lock, meta, holds)
    summon(waiters, alive)
  else
    keep_while_held(lock)
    keep_while_held(holds)
    keep_while_held(meta)
  end
  return in_time and 1 or 0
end
if was_released(gone, request) then return 1 end
finish(gone, request, refuse_ms, false)
if not holder then summon_once(waiters, alive) end
return 0
`,
  idempotent: true,
  allowOom: true,
  parse: parseRelease,
});
