import { defineScript } from '@lockstep/redis';
import { againLua, fenceLua } from './queue.ts';

/**
 * The common case of `acquireMutex`, and nothing else: nobody waits, no request is refused, nothing is told of the
 * holder, and the lock is free. Half the price of the whole. Reply: the token, or 0 to say that the whole is needed.
 *
 * Sent twice it returns the first grant, which then counts from the second sending; after its deadline it does not run.
 * A request that is withdrawn leaves `gone` behind, which sends a late copy of it to the whole. Time: the server's.
 */
export const takeMutex = defineScript({
  name: 'lock.take',
  keys: ['lock', 'fence', 'waiters', 'gone', 'meta'],
  args: ['owner', 'ttl_ms', 'keep_ms', 'touch'],
  include: ["local least = '0'", fenceLua, againLua],
  lua: /* lua */ `
if redis.call('EXISTS', waiters, gone, meta) > 0 then return 0 end
if redis.call('SET', lock, owner, 'NX', 'PX', ttl_ms) then return next_token(fence) end
if redis.call('GET', lock) == owner then
  lengthen(lock, ttl_ms)
  return redis.call('GET', fence)
end
return 0
`,
  idempotent: true,
  expires: true,
  parse: (reply) => Number(reply),
});
