import { defineScript } from '@lockstep/redis';
import { bucketLua, leaseMark } from '../lua/items.ts';
import type { ItemState } from '../item.ts';
import { noteIn } from './notes.ts';

/** Fields as `keys.ts` documents them; empty when they are not there. */
export interface StoredItem {
  readonly id: string;
  /** The record, or the outcome of an item that is over. */
  readonly record: string;
  readonly state: string;
  readonly dead: string;
  /** Due time, deadline, time of death or end of retention; empty for a ready item. */
  readonly score: string;
  /** Read for a dead item and a single look-up only. */
  readonly failures: readonly string[];
}

export interface StoredDetails extends StoredItem {
  readonly where: ItemState;
  readonly cancelled: boolean;
  readonly progress: string | undefined;
  readonly checkpoint: string | undefined;
}

const fieldsLua = /* lua */ `
local function field(value) return type(value) == 'string' and value or '' end
local function stored(id)
  local found = redis.call('HMGET', bucket(id), id, id .. '{s}', id .. '{d}')
  return field(found[1]), field(found[2]), field(found[3])
end
local function failures_of(id)
  local failures = {}
  for i = 0, 9 do
    local failure = redis.call('HGET', bucket(id), id .. '{e' .. i .. '}')
    if failure then failures[#failures + 1] = failure end
  end
  return #failures > 0 and { unpack(failures) } or ''
end
`;

/** All about one item; undefined when nothing of it is there. Reads only. */
export const getItem = defineScript({
  name: 'delivery.get',
  keys: ['delayed', 'leased', 'cancels'],
  args: ['id'],
  idempotent: true,
  include: [bucketLua, fieldsLua],
  lua: /* lua */ `
local record, state, dead = stored(id)
if record == '' then return {} end
local where, score = 'ready', ''
local kept_until = match(record, '^1=%a %d+ (%d+)')
if kept_until then
  if kept_until * 1.0 <= now then return {} end
  where, score = 'kept', kept_until
else
  local place = match(record, '^1(%a%d+) ')
  local token = state ~= '' and match(state, '^1%S+ (%d+)') or '0'
  local due = redis.call('ZSCORE', delayed, place .. ' ' .. id)
  if token ~= '0' then
    where, score = 'leased', redis.call('ZSCORE', leased, '${leaseMark}' .. token .. ' ' .. id) or ''
  elseif dead ~= '' then
    where, score = 'dead', match(dead, '^1(%d+)')
  elseif due then
    where, score = 'delayed', due
  end
end
local progress = redis.call('HGET', bucket(id), id .. '{p}')
local checkpoint = redis.call('HGET', bucket(id), id .. '{c}')
return {
  where, record, state, dead, score, redis.call('HEXISTS', cancels, id) == 1 and '1' or '0',
  progress or '', checkpoint or '', failures_of(id),
}
`,
  parse: (reply) => parseDetails(reply as string[]),
});

function parseDetails(fields: (string | string[])[]): Omit<StoredDetails, 'id'> | undefined {
  if (fields.length === 0) return undefined;
  const [where, record, state, dead, score, cancelled, progress, checkpoint] = fields as string[];
  return {
    where: where as ItemState,
    record: record!,
    state: state!,
    dead: dead!,
    score: score!,
    cancelled: cancelled === '1',
    progress: noteIn(progress!),
    checkpoint: noteIn(checkpoint!),
    failures: failuresIn(fields.at(-1)!),
  };
}

/** No failures are an empty string: the mock has no empty tables. */
function failuresIn(field: string | string[]): readonly string[] {
  return typeof field === 'string' ? [] : field;
}

export interface ListSlice {
  readonly items: readonly StoredItem[];
  /** How many members were looked at; more of them than `items` when some were tombstones. */
  readonly looked: number;
  /** There was nothing behind them. */
  readonly ended: boolean;
  /** Of a zset: where the next slice begins, and how many members of that score were looked at. */
  readonly lastScore: string;
  readonly atLastScore: number;
}

const fieldsPerItem = 6;

/**
 * A slice of a place: of a list from index `from`, or of a zset from score `from` on, the first `skip` left out; at most
 * `limit` members, and none after `bytes` were read. `kind` tells how members read: `ready`, `delayed`, `leased`, `dead`
 * or `kept`. Reads only.
 */
export const listItems = defineScript({
  name: 'delivery.list',
  keys: ['place'],
  args: ['kind', 'from', 'skip', 'limit', 'bytes'],
  idempotent: true,
  include: [bucketLua, fieldsLua],
  lua: /* lua */ `
local members
if kind == 'ready' then
  members = redis.call('LRANGE', place, from, int(from + limit - 1.0))
else
  members = redis.call('ZRANGEBYSCORE', place, from, '+inf', 'WITHSCORES', 'LIMIT', skip, limit)
end
local step = kind == 'ready' and 1 or 2
local reply, n, room = {}, 0, bytes * 1.0
local last, same = '', 0
local looked = 0
for i = 1, #members, step do
  if room <= 0 then break end
  looked = looked + 1
  local id = members[i]
  if step == 2 then
    same = members[i + 1] == last and same + 1 or 1
    last = members[i + 1]
  end
  local prefix = ''
  if kind == 'ready' or kind == 'delayed' or kind == 'leased' then
    prefix, id = match(id, '^(%S+) (.*)$')
  end
  local record, state, dead = stored(id)
  room = room - #record - #dead
  local alive = record ~= '' and (kind == 'kept') == (sub(record, 2, 2) == '=')
  if kind == 'ready' then alive = sub(record, 2, #prefix + 2) == prefix .. ' ' end
  if alive then
    reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = id, record, state, dead
    reply[n + 5] = step == 2 and members[i + 1] or ''
    reply[n + 6] = ''
    if kind == 'dead' then
      local failures = failures_of(id)
      for at = 1, type(failures) == 'table' and #failures or 0 do room = room - #failures[at] end
      reply[n + 6] = failures
    end
    n = n + 6
  end
end
local ended = looked * step == #members and looked < limit * 1.0
return { looked, ended and 1 or 0, last, same, unpack(reply) }
`,
  parse: (reply) => parseSlice(reply as SliceReply),
});

type SliceReply = [
  looked: number,
  ended: number,
  lastScore: string,
  atLastScore: number,
  ...(string | string[])[],
];

function parseSlice([looked, ended, lastScore, atLastScore, ...fields]: SliceReply): ListSlice {
  const items: StoredItem[] = [];
  for (let at = 0; at < fields.length; at += fieldsPerItem) {
    const [id, record, state, dead, score] = fields.slice(at, at + fieldsPerItem) as string[];
    const failures = failuresIn(fields[at + fieldsPerItem - 1]!);
    items.push({
      id: id!,
      record: record!,
      state: state!,
      dead: dead!,
      score: score!,
      failures,
    });
  }
  return { items, looked, ended: ended === 1, lastScore, atLastScore };
}
