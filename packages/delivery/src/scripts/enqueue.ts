import { defineScript, ringLua } from '@lockstep/redis';
import { bucketLua, stampLua, writesLua } from '../lua/items.ts';
import { metaLua } from '../lua/meta.ts';
import { numberedLua, recordLua } from '../lua/numbered.ts';
import { quickEnqueueLua } from '../lua/quick-enqueue.ts';
import { readyLua } from '../lua/ready.ts';
import type { EnqueueResult } from '../item.ts';
import { refusal, type Refusal } from './refusal.ts';

export interface EnqueueReply {
  readonly status: 'ok';
  readonly results: readonly EnqueueResult['status'][];
}

/**
 * Adds items and rings as many sleepers as became ready, or one when something is due sooner than known. Three
 * arguments per item follow the named ones: id, spec, body. A spec is two letters, the level's and that of the item's
 * hash among the keys behind the named ones (`a` the first), then, if anything is set,
 * ` <delayMs or @moment> e<expiresInMs> v<visibilityMs>` with the numbers left out that are not.
 */
export const enqueue = defineScript({
  name: 'delivery.enqueue',
  keys: ['meta', 'critical', 'high', 'normal', 'low', 'delayed', 'expiring', 'kept', 'seen', 'waiters'],
  args: ['calm', 'caller', 'seq', 'max_pending'],
  idempotent: true,
  expires: true,
  include: [
    recordLua,
    bucketLua,
    stampLua,
    ringLua,
    quickEnqueueLua,
    metaLua,
    /* lua */ `local acked, channel = '0', '-'`,
    numberedLua,
    writesLua,
    readyLua,
  ],
  lua: /* lua */ `
if repeated then return { 'OK', repeated } end
local asked, taken, homes = {}, {}, {}
for i = fixed_args + 1, #args, 3 do
  local key = keys[fixed_keys + byte(args[i + 1], 2) - 96]
  homes[i] = key
  local ids = gather(asked, key)
  ids[#ids + 1] = args[i]
end
for key, ids in pairs(asked) do
  local found = redis.call('HMGET', key, unpack(ids))
  for i = 1, #ids do
    if type(found[i]) == 'string' then
      local kept_until = match(found[i], '^1=%a %d+ (%d+)')
      taken[ids[i]] = true
      -- The outcome of an earlier item, past its time and not swept yet.
      if kept_until and kept_until * 1.0 <= now then
        taken[ids[i]] = nil
        redis.call('ZREM', kept, ids[i])
      end
    end
  end
end
local room = max_pending * 1.0
if room > 0 then
  room = math.max(room - m.critical - m.high - m.normal - m.low - redis.call('ZCARD', delayed), 0)
else
  room = 1 / 0
end
local at = stamp(now)
-- Gives the moment it is due, if later, and the options of its record.
local function read_spec(id, spec)
  local absolute, delay, expires, own = match(spec, '^%a%a (@?)(%d+) e(%d*) v(%d*)$')
  local due, options = delay * 1.0, ''
  if absolute == '' and due > 0 then due = now + due end
  if expires ~= '' then
    local moment = now + expires
    redis.call('ZADD', expiring, int(moment), id)
    due_at(moment)
    options = 'e' .. int(moment) .. ','
  end
  if own ~= '' then options = options .. 'v' .. own .. ',' end
  return due, options == '' and '-' or options
end
local codes, n = {}, 0
for i = fixed_args + 1, #args, 3 do
  local id, spec = args[i], args[i + 1]
  n = n + 1
  if taken[id] then
    codes[n] = '0'
  elseif room < 1 then
    codes[n] = '2'
  else
    taken[id] = true
    codes[n] = '1'
    room = room - 1
    m.seq = m.seq + 1
    local place = sub(spec, 1, 1) .. int(m.seq)
    local due, options = 0, '-'
    if #spec > 2 then due, options = read_spec(id, spec) end
    local batch = gather(written, homes[i])
    local size = #batch
    batch[size + 1], batch[size + 2] = id, '1' .. place .. ' ' .. at .. ' ' .. options .. ' ' .. args[i + 2]
    if due > now then to_delayed(place, id, due) else to_ready(place, id, false) end
  end
end
flush_items()
flush_ready()
if m.paused == 0 and made > 0 then
  ring(waiters, made)
elseif sooner then
  ring(waiters, 1)
end
local results = table.concat(codes)
remember(results)
save()
return { 'OK', results }
`,
  parse: (reply): EnqueueReply | Refusal => refusal(reply) ?? parseEnqueue(reply as [string, string]),
});

const statuses = ['duplicate', 'added', 'full'] as const;

function parseEnqueue([, codes]: [string, string]): EnqueueReply {
  const results: EnqueueResult['status'][] = [];
  for (let at = 0; at < codes.length; at += 1) results.push(statuses[codes.charCodeAt(at) - 48]!);
  return { status: 'ok', results };
}
