import { defineScript } from '@lockstep/redis';
import { layout } from '../answer.ts';
import { fenceRetentionMs, fenceTouchMs } from '../timing.ts';

/** What Redis says to a renewal: extended, nothing there, someone else's, or kept in a newer layout than this one. */
export type RenewalReply = 'renewed' | 'missing' | 'foreign' | { readonly tooNew: number };

const replies: Readonly<Record<number, RenewalReply>> = { 1: 'renewed', 0: 'missing', [-1]: 'foreign' };

/**
 * Renews up to 100 leases: of each four keys, and `mode`, `member`, `owner`, `ttl_ms`, `durable` and `shorten` in the
 * rest of ARGV. A `ttl_ms` of 0 only looks. Without `shorten` a lease that already ends later is left as it is, so that
 * a renewal on its way cannot undo an `extend`. What is not there any more is never made again. Reply: one code for
 * each lease, `-layout` for one that is too new. Time: the server's.
 */
export const renew = defineScript({
  name: 'lock.renew',
  keys: [],
  args: [],
  lua: /* lua */ `
local function lengthen(key, ttl_ms, shorten)
  if shorten == '1' or redis.call('PTTL', key) < ttl_ms * 1.0 then redis.call('PEXPIRE', key, ttl_ms) end
end

local function is_held(mode, primary, set, member, owner)
  if mode ~= 'p' then
    local holder = redis.call('GET', primary)
    if not holder then return 0 end
    if holder ~= owner then return -1 end
  end
  if mode == 'm' then return 1 end
  local deadline = redis.call('ZSCORE', set, member)
  return deadline and deadline * 1.0 > now and 1 or 0
end

-- Several holders share these keys: each has its deadline in the set, the keys live as long as the longest.
local function renew_member(primary, set, members, member, ttl_ms, shorten)
  local deadline = now + ttl_ms
  if shorten == '1' or redis.call('ZSCORE', set, member) * 1.0 < deadline then
    redis.call('ZADD', set, int(deadline), member)
  end
  local keep = int(redis.call('ZREVRANGE', set, 0, 0, 'WITHSCORES')[2] - now)
  redis.call('PEXPIRE', primary, keep)
  redis.call('PEXPIRE', members, keep)
end

local out = {}
for i = 1, #KEYS / 4 do
  local k, a = (i - 1) * 4, fixed_args + (i - 1) * 6
  local primary, members, fence, meta = KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], KEYS[k + 4]
  local mode, member, owner = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  local ttl_ms, durable, shorten = ARGV[a + 4], ARGV[a + 5], ARGV[a + 6]
  local set = mode == 'r' and members or primary
  local found = redis.call('HGET', meta, 'layout')
  if found and found * 1.0 > ${layout} then out[i] = 0 - found
  else out[i] = is_held(mode, primary, set, member, owner) end
  if out[i] == 1 and ttl_ms ~= '0' then
    if mode == 'm' then lengthen(primary, ttl_ms, shorten)
    else renew_member(primary, set, members, member, ttl_ms, shorten) end
    if mode ~= 'p' then lengthen(meta, ttl_ms, '0') end
    if durable == '0' then redis.call('PEXPIRE', fence, int(ttl_ms + ${fenceRetentionMs + fenceTouchMs}.0)) end
  end
end
return {unpack(out)}
`,
  idempotent: true,
  // A copy that comes late could set back what was set since.
  expires: true,
  allowOom: true,
  parse: (reply) => (reply as number[]).map(parseCode),
});

function parseCode(code: number): RenewalReply {
  return replies[code] ?? { tooNew: -Number(code) };
}
