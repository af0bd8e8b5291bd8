import { defineScript, ringLua } from '@lockstep/redis';
import { leaseMark } from '../lua/items.ts';
import { loadLua, metaLua } from '../lua/meta.ts';
import { refusal, type Refusal } from './refusal.ts';

/** `cancelled`: renewed, and somebody wants it to stop. */
export type RenewalOutcome = 'renewed' | 'lost' | 'cancelled';

export interface RenewReply {
  readonly status: 'ok';
  readonly outcomes: readonly RenewalOutcome[];
}

/**
 * Sets the deadlines of leases to now + their length. Three arguments per lease follow the named ones: id, token,
 * length. A length shorter than what is left may make the lease due sooner than any sleeper knows, hence the ring.
 */
export const renew = defineScript({
  name: 'delivery.renew',
  keys: ['meta', 'leased', 'cancels', 'waiters'],
  args: ['calm'],
  idempotent: true,
  // A renewal that was given up must not lengthen a lease that its holder has let go.
  expires: true,
  include: [loadLua, metaLua, ringLua],
  lua: /* lua */ `
local codes, scores, n = {}, {}, 0
for i = fixed_args + 1, #ARGV, 3 do
  local id, length = ARGV[i], ARGV[i + 2] * 1.0
  local member = '${leaseMark}' .. ARGV[i + 1] .. ' ' .. id
  n = n + 1
  if redis.call('ZSCORE', leased, member) then
    local deadline = now + length
    scores[#scores + 1] = int(deadline)
    scores[#scores + 1] = member
    if length > m.vis then m.vis = length end
    if m.due == 0 or deadline < m.due then
      m.due = deadline
      ring(waiters, 1)
    end
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
