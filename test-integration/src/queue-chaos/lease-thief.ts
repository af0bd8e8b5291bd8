import type { StandaloneServer } from '../servers/standalone.ts';

const script = /* lua */ `
for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], 1, lease) end
redis.call('HSET', KEYS[2], 'due', 1)`;

/** Makes Redis believe that every lease of the queue has expired, as a wrong clock would: what leases are there against. */
export async function takeLeasesAway(server: StandaloneServer, queue: string): Promise<void> {
  const tag = `{lockstep:queue:${queue}:0}`;
  await server.command('EVAL', script, 2, `${tag}:leased`, `${tag}:meta`);
}
