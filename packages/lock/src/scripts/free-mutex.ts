import { defineScript } from '@lockstep/redis';
import { layout, parseRelease } from '../answer.ts';
import { queueLua } from './queue.ts';

/**
 * The common case of `releaseMutex`: the request does not stand in line, nobody is told of the lock, no copy of the request
 * can arrive any more. Rings the next live waiter. Reply: 1 released, 0 it was not ours.
 */
export const freeMutex = defineScript({
  name: 'lock.free',
  keys: ['lock', 'waiters', 'alive', 'meta'],
  args: ['owner', 'exact'],
  include: [queueLua],
  lua: /* lua */ `
if redis.call('GET', lock) ~= owner then return 0 end
-- Mostly neither is there.
if redis.call('EXISTS', waiters, meta) == 0 then return redis.call('DEL', lock) end
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
redis.call('DEL', lock, meta)
summon(waiters, alive)
return 1
`,
  idempotent: true,
  allowOom: true,
  parse: parseRelease,
});
