import { defineScript } from '@lockstep/redis';
import { layout, refuseNewer } from '../answer.ts';

/**
 * Writes the largest token of a quorum back to a node, so that the next quorum, which shares a node with this one, goes
 * above it, and that those who nest in a re-entrant lock get the same. A counter that was evicted since the grant is kept
 * for `keep_ms`, or for ever if that is 0. Reply: 1, or 0 when the lease is not there any more. Modes as in `renew`.
 */
export const raiseFence = defineScript({
  name: 'lock.raise-fence',
  keys: ['primary', 'members', 'fence', 'meta'],
  args: ['mode', 'member', 'owner', 'token', 'keep_ms'],
  lua: /* lua */ `
local found = redis.call('HGET', meta, 'layout')
if found and found * 1.0 > ${layout} then return {3, found} end
if mode ~= 'p' and redis.call('GET', primary) ~= owner then return 0 end
if mode == 'r' and not redis.call('ZSCORE', members, member) then return 0 end
if mode == 'p' and not redis.call('ZSCORE', primary, member) then return 0 end
if mode == 'r' then redis.call('HSET', meta, 'token', token) end
local stored = redis.call('GET', fence)
if stored and stored * 1.0 >= token * 1.0 then return 1 end
local left = stored and redis.call('PTTL', fence) or keep_ms * 1.0
if left > 0 then redis.call('SET', fence, token, 'PX', int(left)) else redis.call('SET', fence, token) end
return 1
`,
  idempotent: true,
  parse(reply): boolean {
    refuseNewer(reply);
    return reply === 1;
  },
});
