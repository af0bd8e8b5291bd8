import { defineScript } from '@lockstep/redis';

/**
 * Writes the largest token of a quorum back to a node, so that the next quorum, which shares a node with this one, goes
 * above it, and that those who nest in a re-entrant lock get the same. Reply: 1, or 0 when the lease is not there any more. Modes as in `renew`.
 */
export const raiseFence = defineScript({
  name: 'lock.raise-fence',
  keys: ['primary', 'members', 'fence', 'meta'],
  args: ['mode', 'member', 'owner', 'token'],
  lua: /* lua */ `
if mode ~= 'p' and redis.call('GET', primary) ~= owner then return 0 end
if mode == 'r' and not redis.call('ZSCORE', members, member) then return 0 end
if mode == 'p' and not redis.call('ZSCORE', primary, member) then return 0 end
if mode == 'r' then redis.call('HSET', meta, 'token', token) end
local stored = redis.call('GET', fence)
if stored and stored * 1.0 >= token * 1.0 then return 1 end
local left = redis.call('PTTL', fence)
if left > 0 then redis.call('SET', fence, token, 'PX', left) else redis.call('SET', fence, token) end
return 1
`,
  idempotent: true,
  parse: (reply) => reply === 1,
});
