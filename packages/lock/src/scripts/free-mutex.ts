import { defineScript } from '@lockstep/redis';

export type FreeReply = 'released' | 'not-held' | 'waiters';

const replies: readonly FreeReply[] = ['not-held', 'released', 'waiters'];

/**
 * The common case of `releaseMutex`: nobody waits, no copy of the request can arrive any more. Reply: 1 released, 0 it
 * was not ours, 2 somebody waits and nothing was done.
 */
export const freeMutex = defineScript({
  name: 'lock.free',
  keys: ['lock', 'waiters'],
  args: ['owner'],
  lua: /* lua */ `
if redis.call('GET', lock) ~= owner then return 0 end
if redis.call('EXISTS', waiters) == 1 then return 2 end
return redis.call('DEL', lock)
`,
  idempotent: true,
  allowOom: true,
  parse: (reply): FreeReply => replies[reply as number] ?? 'not-held',
});
