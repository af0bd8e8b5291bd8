import { defineScript } from '@lockstep/redis';
import { layout, parseRelease } from '../answer.ts';
import { goneLua, queueLua } from './queue.ts';

/**
 * Gives a lock back, or a place in the line (`channel` is empty where the request never stood there), and rings the next
 * live waiter. The request is refused from then on, for `refuse_ms`; 0 where no copy of it can arrive any more. Reply: 1
 * released, 0 it was not ours any more; the same again when sent twice.
 */
export const releaseMutex = defineScript({
  name: 'lock.release',
  keys: ['lock', 'waiters', 'alive', 'gone', 'meta'],
  args: ['owner', 'channel', 'announce', 'refuse_ms', 'exact'],
  include: [queueLua, goneLua],
  lua: /* lua */ `
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
local holder = redis.call('GET', lock)
if channel ~= '' then leave(waiters, alive, channel .. ' ' .. owner) end
if holder == owner then
  redis.call('DEL', lock, meta)
  if refuse_ms ~= '0' then finish(gone, owner, refuse_ms, true) end
  if announce ~= '' then redis.call('PUBLISH', announce, '') end
  summon(waiters, alive)
  return 1
end
if was_released(gone, owner) then return 1 end
if refuse_ms ~= '0' then finish(gone, owner, refuse_ms, false) end
if not holder then summon_once(waiters, alive) end
return 0
`,
  idempotent: true,
  allowOom: true,
  parse: parseRelease,
});
