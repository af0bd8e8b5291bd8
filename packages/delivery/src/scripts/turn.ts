import { defineScript, ringLua } from '@lockstep/redis';
import { claimLua } from '../lua/claim.ts';
import { dueLua } from '../lua/due.ts';
import { endingsLua } from '../lua/endings.ts';
import { bucketLua, leaseMark, statesLua, writesLua } from '../lua/items.ts';
import { locateLua } from '../lua/locate.ts';
import { clockLua, metaLua } from '../lua/meta.ts';
import { numberedLua, recordLua } from '../lua/numbered.ts';
import { quickTurnLua } from '../lua/quick-turn.ts';
import { readyLua } from '../lua/ready.ts';
import { settleLua } from '../lua/settle.ts';
import { refusal, type Refusal } from './refusal.ts';

/** A claimed item as the script gives it, in the form that `keys.ts` documents. */
export interface Claim {
  readonly id: string;
  readonly record: string;
  /** Its state, or the token alone when nothing but record and state is stored of it: it was never claimed before. */
  readonly state: string;
}

export interface TurnReply {
  readonly status: 'ok';
  /** Per settlement, in order: whether the lease was held. */
  readonly accepted: readonly boolean[];
  readonly claims: readonly Claim[];
  /** Milliseconds until something is due, by the server's clock; `undefined` when nothing is waiting for a moment. */
  readonly dueInMs: number | undefined;
  /** A limit cut the turn short: take the next one at once. The waiter was not armed. */
  readonly more: boolean;
}

/** Lua: the arguments that a happy turn needs not take apart; each argument costs about as much as a command. */
const settingsLua = /* lua */ `
local max_deliveries, lower_share, keep_ms, channel = match(settings, '^(%d+) (%d+) (%d+) (.*)$')
local armed, woken, forced = sub(flags, 1, 1), sub(flags, 2, 2), sub(flags, 3, 3)
`;

/**
 * A worker's turn: ends leases and claims items in one script. `want` -1 only settles, 0 also works what is due and
 * rings on. `waiter` (`channel bell`, or empty) is armed when fewer items were there than wanted. `flags` are three
 * digits: `armed` says that the waiter may still stand in the list from an earlier turn, `woken` that a bell has been
 * answered by this turn and must be passed on if work is left, `forced` that `lease_ms` overrides the items' own.
 * `settings` is `<max_deliveries> <lower_share> <keep_ms> <channel>`. `calm` is how `numbers` begin when a turn may be
 * quick. Settlements follow the named arguments: see `settle.ts`.
 */
export const turn = defineScript({
  name: 'delivery.turn',
  keys: [
    'meta',
    'critical',
    'high',
    'normal',
    'low',
    'delayed',
    'leased',
    'expiring',
    'dead',
    'kept',
    'cancels',
    'awaiting',
    'seen',
    'waiters',
  ],
  args: ['calm', 'caller', 'seq', 'acked', 'want', 'lease_ms', 'waiter', 'flags', 'settings'],
  idempotent: true,
  allowOom: true,
  include: [
    recordLua,
    bucketLua,
    quickTurnLua,
    metaLua,
    settingsLua,
    numberedLua,
    clockLua,
    writesLua,
    statesLua,
    readyLua,
    endingsLua,
    locateLua,
    dueLua,
    claimLua,
    settleLua,
    ringLua,
  ],
  lua: /* lua */ `
local function lines(text)
  local parts, n = {}, 0
  for part in string.gmatch(text, '[^\\n]+') do
    n = n + 1
    parts[n] = part
  end
  return parts
end
-- A stored reply is: codes (or a hyphen), the first token given, the claimed ids; a line each.
local function still_held(reply, visit)
  local parts = lines(reply)
  for i = 3, #parts do
    local token = int(parts[2] + (i - 3.0))
    local state = read_state(parts[i])
    if state and state.token == token then visit(parts[i], token, state) end
  end
  return parts[1]
end
local function due_in()
  if m.due == 0 then return -1 end
  return math.max(m.due - now, 0)
end
if repeated then
  local again = {}
  local codes = still_held(repeated, function(id)
    local n, found = #again, redis.call('HMGET', bucket(id), id, id .. '{s}')
    again[n + 1], again[n + 2], again[n + 3] = id, found[1], found[2]
  end)
  return { 'OK', due_in(), '0', codes, unpack(again) }
end
local keep = keep_ms * 1.0
if abandoned then
  still_held(abandoned, function(id, token, state)
    redis.call('ZREM', leased, '${leaseMark}' .. token .. ' ' .. id)
    state.deliveries = state.deliveries - 1
    hand_back(id, state, 0, keep)
  end)
  flush_items()
end
local codes = settle(fixed_args + 1, keep)
flush_ready()
local asked = want * 1
if asked >= 0 then
  work_due(200, keep)
  if m.paused == 0 then claim(asked) end
end
local got = #claimed_ids
local left = m.critical + m.high + m.normal + m.low
if asked > 0 and waiter ~= '' and armed == '1' then redis.call('LREM', waiters, 0, waiter) end
if m.paused == 0 and left > 0 and (woken == '1' or made > got) then
  ring(waiters, math.min(left, math.max(made - got, 1)))
elseif sooner then
  ring(waiters, 1)
end
if got < asked and waiter ~= '' and not cut_short then
  if redis.call('RPUSH', waiters, waiter) > 4096 then redis.call('LPOP', waiters) end
end
if codes == '' then codes = '-' end
remember(codes .. '\\n' .. (got > 0 and int(first_token) or '0') .. '\\n' .. table.concat(claimed_ids, '\\n'))
save()
return { 'OK', due_in(), cut_short and '1' or '0', codes, unpack(claimed) }
`,
  parse: (reply): TurnReply | Refusal => refusal(reply) ?? parseTurn(reply as [string, number, ...string[]]),
});

function parseTurn(reply: [string, number, ...string[]]): TurnReply {
  const [, dueIn, more, codes] = reply;
  const claims: Claim[] = [];
  const fields = reply as readonly string[];
  for (let at = 4; at < fields.length; at += 3) {
    claims.push({ id: fields[at]!, record: fields[at + 1]!, state: fields[at + 2]! });
  }
  const accepted: boolean[] = [];
  for (let at = 0; codes !== '-' && at < codes!.length; at += 1) accepted.push(codes![at] === '1');
  return { status: 'ok', accepted, claims, dueInMs: dueIn < 0 ? undefined : dueIn, more: more === '1' };
}
