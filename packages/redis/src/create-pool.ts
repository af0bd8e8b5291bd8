import { ConfigurationError, parseOptions, type CloseOptions, type CloseReport } from '@lockstep/core';
import { createRedis } from './connect.ts';
import { internalsOf } from './driver-access.ts';
import { Pool, type PoolStats } from './pool.ts';
import {
  poolSchema,
  poolsSchema,
  resolvePoolLimits,
  type PoolLimits,
  type PoolOptions,
  type PoolSource,
} from './pool-options.ts';
import type { Redis } from './redis.ts';

/**
 * A pool of connections for callers that need one of their own: MULTI and WATCH, blocking commands. Nothing is opened
 * before the first `acquire`. On Cluster each of its connections is a client of the whole cluster.
 *
 * Closed by `close()` of the connection it was made on. Throws `ConfigurationError`.
 */
export function createPool(options: PoolOptions): Pool {
  parseOptions(poolSchema, options);
  const { redis, owned } = resolveSource(options);
  return openPool(redis, owned, options.name ?? 'default', options, 'options');
}

/** Several pools on one connection, by name: blocking readers must not starve transactions. */
export interface PoolsOptions<Name extends string> extends PoolSource {
  readonly pools: Readonly<Record<Name, PoolLimits>>;
}

/** Made by {@link createPools}. */
export interface Pools<Name extends string> extends AsyncDisposable {
  get(name: Name): Pool;
  stats(): Promise<Record<Name, PoolStats>>;
  close(options?: CloseOptions): Promise<CloseReport[]>;
}

/** Makes {@link createPool}s by name. Throws `ConfigurationError`. */
export function createPools<Name extends string>(options: PoolsOptions<Name>): Pools<Name> {
  parseOptions(poolsSchema, options);
  const { redis, owned } = resolveSource(options);
  const names = Object.keys(options.pools) as Name[];
  const pools = new Map(
    names.map((name) => [name, openPool(redis, false, name, options.pools[name], `options.pools.${name}`)]),
  );
  const close = async (how?: CloseOptions): Promise<CloseReport[]> => {
    const reports = await Promise.all([...pools.values()].map((pool) => pool.close(how)));
    if (owned) await redis.close();
    return reports;
  };
  return {
    get(name) {
      const pool = pools.get(name);
      if (pool === undefined)
        throw new ConfigurationError('name', `must be one of ${names.join(', ')}`, name);
      return pool;
    },
    stats: async () => {
      const all = [...pools].map(async ([name, pool]) => [name, await pool.stats()] as const);
      return Object.fromEntries(await Promise.all(all)) as Record<Name, PoolStats>;
    },
    close,
    [Symbol.asyncDispose]: async () => void (await close()),
  };
}

function resolveSource({ redis, target }: PoolSource): { readonly redis: Redis; readonly owned: boolean } {
  if ((redis === undefined) === (target === undefined)) {
    throw new ConfigurationError(
      'options',
      'must name either redis or target',
      Object.keys({ redis, target }),
    );
  }
  if (redis === undefined) return { redis: createRedis(target), owned: true };
  if (internalsOf(redis) === undefined) {
    throw new ConfigurationError(
      'options.redis',
      'must be a connection made by createRedis or connect',
      redis,
    );
  }
  return { redis, owned: false };
}

function openPool(redis: Redis, owned: boolean, name: string, options: PoolLimits, path: string): Pool {
  const limits = resolvePoolLimits(options, path);
  const { driver, options: connection } = internalsOf(redis)!;
  const settings = {
    socketTimeoutMs: connection.socketTimeoutMs + limits.maxBlockMs,
    commandTimeoutMs: connection.commandTimeoutMs + limits.maxBlockMs,
  };
  const pool = new Pool({
    name,
    limits,
    createLink: () => driver.createClient(settings),
    clock: connection.clock,
    random: connection.random,
    address: driver.address,
    cleanTimeoutMs: connection.socketTimeoutMs,
    onClosed: async () => {
      unregister();
      if (owned) await redis.close();
    },
  });
  // Last: what is being drained may still need a connection.
  const unregister = redis.register({
    name: `pool ${name}`,
    phase: 'state',
    close: (how) => pool.close(how),
  });
  return pool;
}
