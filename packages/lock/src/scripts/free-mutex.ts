import { defineScript } from '@lockstep/redis';

export type FreeReply = 'released' | 'not-held' | 'not-plain';

const replies: readonly FreeReply[] = ['not-held', 'released', 'not-plain'];

/**
 * The common case of `releaseMutex`: nobody waits, nothing is told of the lock, no copy of the request can arrive any
 * more. Reply: 1 released, 0 it was not ours, 2 to say that the whole is needed: nothing was done.
 */
export const freeMutex = defineScript({
  name: 'lock.free',
  keys: ['lock', 'waiters', 'meta'],
  args: ['owner'],
  lua: /* lua */ `
if redis.call('GET', lock) ~= owner then return 0 end
if redis.call('EXISTS', waiters, meta) > 0 then return 2 end
return redis.call('DEL', lock)
`,
  idempotent: true,
  allowOom: true,
  parse: (reply): FreeReply => replies[reply as number] ?? 'not-held',
});
