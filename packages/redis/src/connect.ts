import { ConfigurationError } from '@lockstep/core';
import type { ClientInternals, RedisClient } from './client.ts';
import type { Driver } from './driver.ts';
import { openCluster } from './ioredis/cluster-driver.ts';
import { adoptClient, openServer } from './ioredis/driver.ts';
import { isMockClient } from './ioredis/handed-in.ts';
import { rememberFaults } from './memory/access.ts';
import { adoptMock, openMemory, type MemoryDriver } from './memory/driver.ts';
import { resolveRedisOptions, type RedisOptions, type ResolvedRedisOptions } from './options.ts';
import { Redis } from './redis.ts';
import { parseTarget, redactUrl, type RedisTarget } from './target.ts';

/**
 * A connection that is made when it is first used. Without a target it reads `REDIS_URL`. Throws `ConfigurationError`
 * for a bad target or option; does no I/O.
 */
export function createRedis(target?: RedisTarget, options?: RedisOptions): Redis {
  const resolved = resolveRedisOptions(options, process.env['LOCKSTEP_PREFIX']);
  const where = target ?? process.env['REDIS_URL'];
  if (where === undefined || where === '') {
    throw new ConfigurationError('target', 'is missing: set REDIS_URL, or ask for memory:// by name', where);
  }
  if (typeof where === 'string') return openUrl(where, resolved);
  if (typeof where !== 'object' || where === null || typeof where.client?.evalsha !== 'function') {
    throw new ConfigurationError('target', 'must be a URL or { client } with an ioredis client', where);
  }
  const client = where.client as RedisClient & ClientInternals;
  refuse('tls', resolved, 'a client that is handed in has its own');
  refuse('sentinel', resolved, 'a client that is handed in has its own');
  if (isMockClient(client)) return memoryRedis(adoptMock(client, resolved), resolved);
  return new Redis(adoptClient(client, resolved), resolved);
}

/**
 * As {@link createRedis}, and waits until the connection is up. Rejects with `RedisUnavailableError` after 10 s, with
 * `RedisAccessError` when the credentials are refused; nothing stays open then.
 */
export async function connect(target?: RedisTarget, options?: RedisOptions): Promise<Redis> {
  const redis = createRedis(target, options);
  try {
    await redis.ready();
  } catch (error) {
    await redis.close();
    throw error;
  }
  return redis;
}

function openUrl(url: string, options: ResolvedRedisOptions): Redis {
  const target = parseTarget(url);
  if (target.topology === 'memory' || !target.tls) refuse('tls', options, 'the URL must start with rediss');
  if (target.topology !== 'sentinel') {
    refuse('sentinel', options, 'the URL must start with redis+sentinel or rediss+sentinel');
  }
  if (target.topology === 'memory') {
    warnInProduction(options);
    return memoryRedis(openMemory(target.name, options), options);
  }
  return new Redis(openDriver(target, url, options), options);
}

/** An option that would have no effect is refused. */
function refuse(name: 'tls' | 'sentinel', options: ResolvedRedisOptions, rule: string): void {
  const value = options[name];
  if (value === undefined) return;
  throw new ConfigurationError(`options.${name}`, `must not be set: ${rule}`, Object.keys(value));
}

function openDriver(
  target: Exclude<ReturnType<typeof parseTarget>, { topology: 'memory' }>,
  url: string,
  options: ResolvedRedisOptions,
): Driver {
  const address = redactUrl(url);
  return target.topology === 'cluster'
    ? openCluster(target, address, options)
    : openServer(target, address, options);
}

function memoryRedis(driver: MemoryDriver, options: ResolvedRedisOptions): Redis {
  const redis = new Redis(driver, options);
  rememberFaults(redis, driver.faults);
  return redis;
}

let warned = false;

function warnInProduction({ logger }: ResolvedRedisOptions): void {
  if (warned || process.env['NODE_ENV'] !== 'production') return;
  warned = true;
  logger.warn(
    { target: 'memory://' },
    'redis: memory:// in production: each process has its own locks, queues and state',
  );
}
