import { defineScript } from '@lockstep/redis';

/**
 * Enters names into a bucket of the index: name and how long it may be held (ms), in turn, in the rest of ARGV. Drops
 * up to 100 whose time is over. Reply: 1.
 */
export const indexLocks = defineScript({
  name: 'lock.index',
  keys: ['names', 'ends'],
  args: [],
  lua: /* lua */ `
for i = fixed_args + 1, #ARGV, 2 do
  redis.call('ZADD', names, '0', ARGV[i])
  redis.call('ZADD', ends, int(now + ARGV[i + 1]), ARGV[i])
end
local over = redis.call('ZRANGEBYSCORE', ends, '-inf', int(now), 'LIMIT', 0, 100)
for i = 1, #over do
  redis.call('ZREM', names, over[i])
  redis.call('ZREM', ends, over[i])
end
local last = redis.call('ZREVRANGE', ends, 0, 0, 'WITHSCORES')[2]
if last then
  local keep = int(last - now)
  redis.call('PEXPIRE', names, keep)
  redis.call('PEXPIRE', ends, keep)
end
return 1
`,
  idempotent: true,
  parse: () => undefined,
});

/** A page of a bucket: up to `limit` names after `after` (empty: from the start), in order. Reads only. */
export const pageOfIndex = defineScript({
  name: 'lock.index.page',
  keys: ['names'],
  args: ['after', 'limit'],
  lua: /* lua */ `
local from = '-'
if after ~= '' then from = '(' .. after end
local page = redis.call('ZRANGEBYLEX', names, from, '+', 'LIMIT', 0, limit)
local out = {}
for i = 1, #page do out[i] = page[i] end
return {unpack(out)}
`,
  idempotent: true,
  parse: (reply) => reply as string[],
});
