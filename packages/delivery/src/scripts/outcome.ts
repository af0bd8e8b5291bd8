import { defineScript } from '@lockstep/redis';
import { bucketLua } from '../lua/items.ts';
import { loadLua, metaLua } from '../lua/meta.ts';
import { refusal, type Refusal } from './refusal.ts';

export type OutcomeReply =
  | { readonly status: 'pending' | 'unknown' }
  /** `record` as `keys.ts` documents an outcome. */
  | { readonly status: 'kept'; readonly record: string }
  /** `dead` as in the field `{d}`, `state` and the failures as in theirs. */
  | {
      readonly status: 'dead';
      readonly dead: string;
      readonly state: string;
      readonly failures: readonly string[];
    };

/** How an item ended. While it has not, `waiter` (`channel bell`, or empty) is told when it does. */
export const outcome = defineScript({
  name: 'delivery.outcome',
  keys: ['meta', 'awaiting'],
  args: ['calm', 'id', 'waiter'],
  idempotent: true,
  // One that was given up must not leave a waiter behind.
  expires: true,
  allowOom: true,
  include: [loadLua, metaLua, bucketLua],
  lua: /* lua */ `
local key = bucket(id)
local found = redis.call('HMGET', key, id, id .. '{d}', id .. '{s}')
if type(found[1]) ~= 'string' then return { 'OK', 'unknown' } end
local kept_until = match(found[1], '^1=%a %d+ (%d+)')
if kept_until then
  if kept_until * 1.0 <= now then return { 'OK', 'unknown' } end
  return { 'OK', 'kept', found[1] }
end
if type(found[2]) == 'string' then
  local failures = { 'OK', 'dead', found[2], found[3] }
  for i = 0, 9 do
    local failure = redis.call('HGET', key, id .. '{e' .. i .. '}')
    if failure then failures[#failures + 1] = failure end
  end
  return { unpack(failures) }
end
if waiter ~= '' then
  local waiting = redis.call('HGET', awaiting, id)
  if not waiting then
    redis.call('HSET', awaiting, id, waiter)
    m.awaiting = m.awaiting + 1
  elseif not string.find('\\n' .. waiting .. '\\n', '\\n' .. waiter .. '\\n', 1, true) then
    redis.call('HSET', awaiting, id, waiting .. '\\n' .. waiter)
  end
  save()
end
return { 'OK', 'pending' }
`,
  parse: (reply): OutcomeReply | Refusal => refusal(reply) ?? parseOutcome(reply as string[]),
});

/**
 * Takes a waiter back that no longer waits: as long as one is there, no turn of the queue is quick. Others of the same
 * item stay.
 */
export const forgetWaiter = defineScript({
  name: 'delivery.forgetWaiter',
  keys: ['meta', 'awaiting'],
  args: ['calm', 'id', 'waiter'],
  idempotent: true,
  allowOom: true,
  include: [loadLua, metaLua],
  lua: /* lua */ `
local waiting = redis.call('HGET', awaiting, id)
if not waiting then return { 'OK' } end
local others = {}
for other in string.gmatch(waiting, '[^\\n]+') do
  if other ~= waiter then others[#others + 1] = other end
end
if #others > 0 then
  redis.call('HSET', awaiting, id, table.concat(others, '\\n'))
else
  redis.call('HDEL', awaiting, id)
  m.awaiting = math.max(m.awaiting - 1, 0)
  save()
end
return { 'OK' }
`,
  parse: (reply): { readonly status: 'ok' } | Refusal => refusal(reply) ?? { status: 'ok' },
});

function parseOutcome([, status, first, state, ...failures]: string[]): OutcomeReply {
  if (status === 'kept') return { status, record: first! };
  if (status === 'dead') return { status, dead: first!, state: state!, failures };
  return { status: status as 'pending' | 'unknown' };
}
