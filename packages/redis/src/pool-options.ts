import { ConfigurationError, count, milliseconds, parseOptions } from '@lockstep/core';
import { z } from 'zod';
import type { RedisTarget } from './target.ts';
import type { Redis } from './redis.ts';

/** How many connections a pool holds, and how long everybody waits. */
export interface PoolLimits {
  /** Connections kept open also when nobody needs them, from the first `acquire` on. Default 0. */
  readonly min?: number | undefined;
  /** Default 10. */
  readonly max?: number | undefined;
  /** How long `acquire` waits for a connection. Default 5,000. */
  readonly acquireTimeoutMs?: number | undefined;
  /** After how long an unused connection above `min` is closed. Default 30,000. */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * The longest that a command on these connections blocks (BLPOP, XREAD BLOCK). The time-outs of their sockets and
   * commands are those of the connection plus this. Default 0: they do not block.
   */
  readonly maxBlockMs?: number | undefined;
}

/** Where a pool's connections go: exactly one of the two. */
export interface PoolSource {
  /** As this connection goes, with its settings; `close()` of it closes the pool. */
  readonly redis?: Redis | undefined;
  /** A target of its own. */
  readonly target?: RedisTarget | undefined;
}

export interface PoolOptions extends PoolLimits, PoolSource {
  /** Names the pool in errors and stats. Default `default`. */
  readonly name?: string | undefined;
}

export interface ResolvedPoolLimits {
  readonly min: number;
  readonly max: number;
  readonly acquireTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxBlockMs: number;
}

export const poolDefaults: ResolvedPoolLimits = {
  min: 0,
  max: 10,
  acquireTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  maxBlockMs: 0,
};

const limits = {
  min: count(0).optional(),
  max: count(1).optional(),
  acquireTimeoutMs: milliseconds(1).optional(),
  idleTimeoutMs: milliseconds(1).optional(),
  maxBlockMs: milliseconds(0).optional(),
};

const source = { redis: z.unknown().optional(), target: z.unknown().optional() };
const poolName = z.string({ error: 'must be a string' }).min(1, { error: 'must not be empty' });

export const poolSchema = z.strictObject({ ...limits, ...source, name: poolName.optional() });
export const poolsSchema = z.strictObject({
  ...source,
  pools: z.record(poolName, z.strictObject(limits), { error: 'must be an object of pools by name' }),
});

/** Validates and defaults the limits of one pool. Throws `ConfigurationError`. */
export function resolvePoolLimits(options: PoolLimits, path = 'options'): ResolvedPoolLimits {
  const given = { min: options.min, max: options.max, acquireTimeoutMs: options.acquireTimeoutMs };
  const rest = { idleTimeoutMs: options.idleTimeoutMs, maxBlockMs: options.maxBlockMs };
  const resolved = {
    ...poolDefaults,
    ...defined(parseOptions(z.strictObject(limits), { ...given, ...rest }, path)),
  };
  if (resolved.min > resolved.max) {
    throw new ConfigurationError(`${path}.min`, `must be at most max (${resolved.max})`, resolved.min);
  }
  return resolved;
}

function defined(values: PoolLimits): Partial<ResolvedPoolLimits> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
