import { defineScript } from '@lockstep/redis';
import { itemsLua } from '../lua/items.ts';

const totals = [
  'critical',
  'high',
  'normal',
  'low',
  'paused',
  'enqueued',
  'completed',
  'failed',
  'died',
  'cancelled',
  'expired',
  'reclaimed',
  'redriven',
  'steps',
] as const;

const sizes = ['delayed', 'leased', 'dead', 'kept'] as const;

/** Counters of one partition, as they are at once. */
export type PartitionStats = Readonly<Record<(typeof totals)[number] | (typeof sizes)[number], number>> & {
  readonly oldestReadyMs: number | undefined;
};

/** O(1): counters, sizes, and the heads of the ready lists (behind at most 32 tombstones each). Reads only. */
export const readStats = defineScript({
  name: 'delivery.stats',
  keys: ['meta', 'critical', 'high', 'normal', 'low', ...sizes],
  args: [],
  idempotent: true,
  include: [itemsLua],
  lua: /* lua */ `
local reply = {}
local numbers = redis.call('HMGET', meta, ${totals.map((name) => `'${name}'`).join(', ')})
for i = 1, ${totals.length} do reply[i] = type(numbers[i]) == 'string' and numbers[i] or '0' end
for _, key in ipairs({ ${sizes.join(', ')} }) do reply[#reply + 1] = string.format('%.0f', redis.call('ZCARD', key)) end
local oldest
for level, key in ipairs({ critical, high, normal, low }) do
  local entries = reply[level] ~= '0' and redis.call('LRANGE', key, 0, 31) or {}
  for i = 1, #entries do
    local place, id = string.match(entries[i], '^(%S+) (.*)$')
    local record = redis.call('HGET', bucket(id), id)
    local from, since = string.match(record or '', '^1(%S+) (%d+)')
    if from == place then
      if not oldest or since * 1.0 < oldest then oldest = since * 1.0 end
      break
    end
  end
end
reply[#reply + 1] = oldest and string.format('%.0f', math.max(now - oldest, 0)) or '-1'
return { unpack(reply) }
`,
  parse: (reply): PartitionStats => {
    const numbers = (reply as string[]).map(Number);
    const named = Object.fromEntries([...totals, ...sizes].map((name, index) => [name, numbers[index]!]));
    const oldest = numbers.at(-1)!;
    return {
      ...(named as Record<keyof typeof named, number>),
      oldestReadyMs: oldest < 0 ? undefined : oldest,
    } as PartitionStats;
  },
});
