import type { Redis } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';

/** What a handler did to a resource that checks no token: the last writer wins. */
export async function note(
  redis: Redis,
  queue: string,
  what: string,
  id: string,
  token: number,
): Promise<void> {
  // The bare client repeats nothing, and a process that was frozen finds its socket dead.
  await eventually(() => redis.client.set(keyOf(redis, queue, what, id), String(token)));
}

/** Whose note stands there; 0 for nobody's. */
export async function tokenNoted(redis: Redis, queue: string, what: string, id: string): Promise<number> {
  return Number(await redis.client.get(keyOf(redis, queue, what, id)));
}

function keyOf(redis: Redis, queue: string, what: string, id: string): string {
  return redis.keyspace('chaos', queue).key(`${what}:${id}`);
}
