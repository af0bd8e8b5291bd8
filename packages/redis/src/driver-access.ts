import type { Driver } from './driver.ts';
import type { ResolvedRedisOptions } from './options.ts';
import type { Redis } from './redis.ts';

/** What this package needs of a connection and nobody else should. */
export interface ConnectionInternals {
  readonly driver: Driver;
  readonly options: ResolvedRedisOptions;
}

const internals = new WeakMap<object, ConnectionInternals>();

export function rememberInternals(redis: Redis, known: ConnectionInternals): void {
  internals.set(redis, known);
}

/** `undefined` for anything that is not a connection of this copy of the package. */
export function internalsOf(redis: unknown): ConnectionInternals | undefined {
  return typeof redis === 'object' && redis !== null ? internals.get(redis) : undefined;
}
