import { defineScript, ringLua } from '@lockstep/redis';
import { bucketLua, leaseMark } from '../lua/items.ts';
import { loadLua, metaLua } from '../lua/meta.ts';
import { refusal, type Refusal } from './refusal.ts';

/** `cancelled`: renewed, and somebody wants it to stop. */
export type RenewalOutcome = 'renewed' | 'lost' | 'cancelled';

export interface RenewReply {
  readonly status: 'ok';
  readonly outcomes: readonly RenewalOutcome[];
}

/**
 * Moves the deadlines of leases to now + their length. Three arguments per lease follow the named ones: id, token,
 * length. A deadline comes nearer only if `shorten` is 1, so that a copy that comes late takes nothing away from what its
 * holder believes in; the lease may then be due sooner than any sleeper knows, hence the ring. With `seen_again` 1 the
 * holders count as seen: one that is busy for long takes no turns, and a cancellation must find it.
 */
export const renew = defineScript({
  name: 'delivery.renew',
  keys: ['meta', 'leased', 'cancels', 'seen', 'waiters'],
  args: ['calm', 'shorten', 'seen_again'],
  idempotent: true,
  // A renewal that was given up must not lengthen a lease that its holder has let go.
  expires: true,
  // What is held must be kept until it is settled, which frees memory.
  allowOom: true,
  include: [loadLua, metaLua, bucketLua, ringLua],
  lua: /* lua */ `
local codes, scores, n = {}, {}, 0
local holders = {}
local function see_holder(id)
  local state = redis.call('HGET', bucket(id), id .. '{s}')
  local holder = state and match(state, '^%S+ %S+ %S+ %S+ %S+ (.+)$')
  if not holder or holders[holder] then return end
  holders[holder] = true
  if redis.call('HEXISTS', meta, '@' .. holder) == 1 then redis.call('ZADD', seen, int(now), holder) end
end
for i = fixed_args + 1, #ARGV, 3 do
  local id, length = ARGV[i], ARGV[i + 2] * 1.0
  local member = '${leaseMark}' .. ARGV[i + 1] .. ' ' .. id
  n = n + 1
  local before = redis.call('ZSCORE', leased, member)
  if before then
    local deadline = now + length
    if shorten ~= '1' and before * 1.0 > deadline then deadline = before * 1.0 end
    scores[#scores + 1] = int(deadline)
    scores[#scores + 1] = member
    if length > m.vis then m.vis = length end
    if m.due == 0 or deadline < m.due then
      m.due = deadline
      ring(waiters, 1)
    end
    if seen_again == '1' then see_holder(id) end
    codes[n] = (m.cancels > 0 and redis.call('HEXISTS', cancels, id) == 1) and '2' or '1'
  else
    codes[n] = '0'
  end
end
if #scores > 0 then redis.call('ZADD', leased, unpack(scores)) end
save()
return { 'OK', table.concat(codes) }
`,
  parse: (reply): RenewReply | Refusal => refusal(reply) ?? parseRenewal(reply as [string, string]),
});

const outcomes = { '0': 'lost', '1': 'renewed', '2': 'cancelled' } as const;

function parseRenewal([, codes]: [string, string]): RenewReply {
  return { status: 'ok', outcomes: Array.from(codes, (code) => outcomes[code as keyof typeof outcomes]) };
}
