import { defineScript } from '@lockstep/redis';
import { bucketLua } from '../lua/items.ts';
import { loadLua, numberNames } from '../lua/meta.ts';

/** Out of the field `numbers`. */
const numbers = ['paused', 'completed', 'seq', 'critical', 'high', 'normal', 'low'] as const;

const totals = ['failed', 'died', 'cancelled', 'expired', 'reclaimed', 'redriven', 'steps'] as const;

const sizes = ['delayed', 'leased', 'dead', 'kept'] as const;

/** Counters of one partition, as they are at once. */
export type PartitionStats = Readonly<
  Record<Exclude<(typeof numbers)[number], 'seq'> | (typeof totals)[number] | (typeof sizes)[number], number>
> & {
  readonly enqueued: number;
  readonly oldestReadyMs: number | undefined;
};

/** O(1): counters, sizes, and the heads of the ready lists (behind at most 32 tombstones each). Reads only. */
export const readStats = defineScript({
  name: 'delivery.stats',
  keys: ['meta', 'critical', 'high', 'normal', 'low', ...sizes],
  args: [],
  idempotent: true,
  include: [loadLua, bucketLua],
  lua: /* lua */ `
local reply = {}
local all = {}
for number in string.gmatch(numbers or '', '%S+') do all[#all + 1] = number end
for i, at in ipairs({ ${numbers.map((name) => numberNames.indexOf(name) + 1).join(', ')} }) do reply[i] = all[at] or '0' end
local rare = redis.call('HMGET', meta, ${totals.map((name) => `'${name}'`).join(', ')})
for i = 1, ${totals.length} do reply[#reply + 1] = type(rare[i]) == 'string' and rare[i] or '0' end
for _, key in ipairs({ ${sizes.join(', ')} }) do reply[#reply + 1] = int(redis.call('ZCARD', key)) end
local oldest
for level, key in ipairs({ critical, high, normal, low }) do
  local entries = reply[level + 3] ~= '0' and redis.call('LRANGE', key, 0, 31) or {}
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
reply[#reply + 1] = oldest and int(math.max(now - oldest, 0)) or '-1'
return { unpack(reply) }
`,
  parse: (reply): PartitionStats => {
    const found = (reply as string[]).map(Number);
    const names = [...numbers, ...totals, ...sizes];
    const { seq, ...named } = Object.fromEntries(names.map((name, index) => [name, found[index]!]));
    const oldest = found.at(-1)!;
    return {
      ...(named as Record<keyof typeof named, number>),
      enqueued: seq!,
      oldestReadyMs: oldest < 0 ? undefined : oldest,
    } as PartitionStats;
  },
});
