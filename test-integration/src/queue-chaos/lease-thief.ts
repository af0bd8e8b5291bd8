import type { StandaloneServer } from '../servers/standalone.ts';

/** Where `due` stands in the line `numbers` of `meta`. When the layout moves it, the control that uses it finds nothing. */
const dueAt = 11;

// The first moment at which something is due is remembered beside the leases, so that a claim need not look for it.
const script = /* lua */ `
for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, lease) end
local numbers = {}
for number in string.gmatch(redis.call('HGET', KEYS[2], 'numbers') or '', '%S+') do numbers[#numbers + 1] = number end
if numbers[tonumber(ARGV[1])] then
  numbers[tonumber(ARGV[1])] = '1'
  redis.call('HSET', KEYS[2], 'numbers', table.concat(numbers, ' '))
end`;

/** Makes Redis believe that every lease of the queue has expired, as a wrong clock would: what leases are there against. */
export async function takeLeasesAway(server: StandaloneServer, queue: string): Promise<void> {
  const tag = `{lockstep:queue:${queue}:0}`;
  await server.command('EVAL', script, 2, `${tag}:leased`, `${tag}:meta`, dueAt);
}
