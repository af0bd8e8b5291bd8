import { defineScript, ringLua } from '@lockstep/redis';
import { bucketLua, statesLua, writesLua } from '../lua/items.ts';
import { metaLua } from '../lua/meta.ts';
import { numberedLua, recordLua } from '../lua/numbered.ts';
import { readyLua } from '../lua/ready.ts';
import { refusal, type Refusal } from './refusal.ts';

export interface RedriveReply {
  readonly status: 'ok';
  /** Per id: whether it was dead and is waiting again. */
  readonly redriven: readonly boolean[];
}

/**
 * Puts dead items back to ready (or delayed) with attempts and deliveries at zero; failures stay. Whoever redrives an
 * item wants it done, however late: it does not expire any more. Ids follow.
 */
export const redrive = defineScript({
  name: 'delivery.redrive',
  keys: ['meta', 'critical', 'high', 'normal', 'low', 'delayed', 'dead', 'seen', 'waiters'],
  args: ['calm', 'caller', 'seq', 'delay_ms'],
  idempotent: true,
  expires: true,
  include: [
    recordLua,
    metaLua,
    /* lua */ `local acked, channel = '0', '-'`,
    numberedLua,
    bucketLua,
    writesLua,
    statesLua,
    readyLua,
    ringLua,
  ],
  lua: /* lua */ `
if repeated then return { 'OK', repeated } end
local delay, redriven = delay_ms * 1.0, 0
local function expire_no_more(id)
  local record = redis.call('HGET', bucket(id), id)
  local head, options, body = match(record or '', '^(%S+ %S+ )(%S*e%d+,%S*)( .*)$')
  if not head then return end
  options = string.gsub(options, 'e%d+,', '')
  write(id, '', head .. (options == '' and '-' or options) .. body)
end
local codes = {}
for i = fixed_args + 1, #ARGV do
  local id = ARGV[i]
  local state = redis.call('ZREM', dead, id) == 1 and read_state(id)
  codes[i - fixed_args] = state and '1' or '0'
  if state then
    redriven = redriven + 1
    state.deliveries, state.attempts = 0, 0
    write_state(id, state)
    expire_no_more(id)
    local batch = gather(gone, bucket(id))
    batch[#batch + 1] = id .. '{d}'
    if delay > 0 then to_delayed(state.place, id, now + delay) else to_ready(state.place, id, false) end
  end
end
flush_items()
flush_ready()
if redriven > 0 then bump('redriven', redriven) end
if m.paused == 0 and made > 0 then
  ring(waiters, made)
elseif sooner then
  ring(waiters, 1)
end
local reply = table.concat(codes)
remember(reply)
save()
return { 'OK', reply }
`,
  parse: (reply): RedriveReply | Refusal => refusal(reply) ?? parseFlags(reply as [string, string]),
});

function parseFlags([, codes]: [string, string]): RedriveReply {
  return { status: 'ok', redriven: Array.from(codes, (code) => code === '1') };
}
