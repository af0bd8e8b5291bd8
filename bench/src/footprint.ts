import type { Redis } from 'ioredis';

/** Bytes that Redis has allocated for data, without buffers of clients. */
export async function dataBytes(redis: Redis): Promise<number> {
  const stats = (await redis.memory('STATS')) as (string | number)[];
  const field = (name: string): number => Number(stats[stats.indexOf(name) + 1]);
  return (
    field('dataset.bytes') + field('overhead.total') - field('clients.normal') - field('startup.allocated')
  );
}

/** Ids of the connections that are open now. */
export async function connectionIds(redis: Redis): Promise<Set<string>> {
  const list = (await redis.client('LIST')) as string;
  return new Set([...list.matchAll(/^id=(\d+) /gm)].map(([, id]) => id!));
}

/** How many connections are open that were not in `before`. */
export async function connectionsSince(redis: Redis, before: ReadonlySet<string>): Promise<number> {
  const now = await connectionIds(redis);
  return [...now].filter((id) => !before.has(id)).length;
}
