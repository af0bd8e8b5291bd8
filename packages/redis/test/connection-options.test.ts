import { isLockstepError, type Logger } from '@lockstep/core';
import {
  closeOnSignals,
  connect,
  createPool,
  createPools,
  createRedis,
  type RedisClient,
} from '@lockstep/redis';
import { Cluster, Redis as IORedis } from 'ioredis';
import { describe, expect, it } from 'vitest';

const refusal = (attempt: () => unknown): [path: string, message: string] => {
  try {
    attempt();
  } catch (error) {
    if (isLockstepError(error, 'CONFIGURATION')) return [error.path, error.message];
    throw error;
  }
  throw new Error('was accepted');
};

const url = 'redis://127.0.0.1:1';

describe('options of a connection', () => {
  it.each([
    [{ durability: { replicas: 0 } }, 'options.durability.replicas', 'at least 1'],
    [{ durability: { replicas: 1, timeoutMs: 0 } }, 'options.durability.timeoutMs', 'at least 1'],
    [
      { durability: { replicas: 1, timeoutMs: 1_000 } },
      'options.durability.timeoutMs',
      'socketTimeoutMs (1000)',
    ],
    [{ durability: { replicas: 1, quorum: 2 } }, 'options.durability.quorum', 'is not an option'],
    [{ durability: 1 }, 'options.durability', 'must be an object'],
    [{ tls: { ca: 'x' } }, 'options.tls', 'must start with rediss'],
    [{ tls: 1 }, 'options.tls', 'must be an object'],
    [{ sentinel: { password: 'x' } }, 'options.sentinel', 'must start with redis+sentinel'],
    [{ sentinel: { username: 'x' } }, 'options.sentinel', '{ username, password }'],
    [{ sentinel: 'x' }, 'options.sentinel', '{ username, password }'],
  ])('refuse %j', (options, path, rule) => {
    const [where, message] = refusal(() => createRedis(url, options as never));
    expect(where).toBe(path);
    expect(message).toContain(rule);
  });

  it('refuse tls where it would have no effect', () => {
    const client = new IORedis({ lazyConnect: true }) as unknown as RedisClient;
    expect(refusal(() => createRedis({ client }, { tls: {} }))[0]).toBe('options.tls');
    expect(refusal(() => createRedis('memory://x', { tls: {} }))[0]).toBe('options.tls');
    expect(() => createRedis('rediss://127.0.0.1:1', { tls: {} })).not.toThrow();
  });

  it('do not show the password of the sentinels when something is wrong with it', () => {
    const options = { sentinel: { password: 8_431_975, user: 'x' } } as never;
    const [path, message] = refusal(() => createRedis('redis+sentinel://127.0.0.1:1/m', options));
    expect(path).toBe('options.sentinel');
    expect(message).not.toContain('8431975');
  });

  it('refuse sentinel where it would have no effect', () => {
    const client = new IORedis({ lazyConnect: true }) as unknown as RedisClient;
    const sentinel = { password: 'x' };
    expect(refusal(() => createRedis({ client }, { sentinel }))[0]).toBe('options.sentinel');
    expect(refusal(() => createRedis('memory://x', { sentinel }))[0]).toBe('options.sentinel');
    expect(refusal(() => createRedis('redis+cluster://h:1', { sentinel }))[0]).toBe('options.sentinel');
    expect(() => createRedis('redis+sentinel://127.0.0.1:1/m', { sentinel })).not.toThrow();
  });

  it('warn of a Cluster handed in that sends a call twice', () => {
    const lines: string[] = [];
    const log = (_: object, message: string) => void lines.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const redisOptions = {
      autoResendUnfulfilledCommands: false,
      commandTimeout: 1,
      socketTimeout: 1,
      maxLoadingRetryTime: 100,
    };
    const hand = (options: object) =>
      createRedis(
        {
          client: new Cluster([{ port: 1 }], {
            lazyConnect: true,
            redisOptions,
            ...options,
          }) as unknown as RedisClient,
        },
        { logger },
      );
    expect(hand({}).topology).toBe('cluster');
    expect(lines).toEqual([expect.stringContaining('retryDelayOnFailover: 100')]);
    hand({ retryDelayOnFailover: 0 });
    expect(lines).toHaveLength(1);
  });

  it('warn of a client with sentinels handed in that would stay with the old master', () => {
    const lines: string[] = [];
    const log = (_: object, message: string) => void lines.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const safe = {
      autoResendUnfulfilledCommands: false,
      commandTimeout: 1,
      socketTimeout: 1,
      maxLoadingRetryTime: 100,
      lazyConnect: true,
    };
    const hand = (options: object) => {
      const client = new IORedis({ ...safe, sentinels: [{ host: 'h', port: 1 }], name: 'm', ...options });
      return createRedis({ client: client as unknown as RedisClient }, { logger });
    };
    expect(hand({}).topology).toBe('sentinel');
    expect(lines).toEqual([expect.stringContaining('sentinels without failoverDetector')]);
    hand({ failoverDetector: true });
    expect(lines).toHaveLength(1);
  });

  it('accept durability on memory, where nobody can be asked to confirm', async () => {
    const redis = await connect('memory://durable', { durability: { replicas: 1 } });
    expect(redis.guarantee).toMatchObject({ basis: { confirmedBy: 1 }, powerLoss: 'no' });
    await redis.close();
  });
});

describe('options of a pool', () => {
  const redis = createRedis('memory://pool-options');

  it.each([
    ['options', 'either redis or target', {}],
    ['options', 'either redis or target', { redis, target: url }],
    ['options.redis', 'made by createRedis', { redis: {} }],
    ['options.max', 'at least 1', { redis, max: 0 }],
    ['options.min', 'at most max (2)', { redis, min: 3, max: 2 }],
    ['options.acquireTimeoutMs', 'at least 1', { redis, acquireTimeoutMs: 0 }],
    ['options.idleTimeoutMs', 'whole number', { redis, idleTimeoutMs: 1.5 }],
    ['options.maxBlockMs', 'at least 0', { redis, maxBlockMs: -1 }],
    ['options.name', 'must not be empty', { redis, name: '' }],
    ['options.size', 'is not an option', { redis, size: 3 }],
  ])('refuse %s that is not "%s"', (path, rule, options) => {
    const [where, message] = refusal(() => createPool(options as never));
    expect(where).toBe(path);
    expect(message).toContain(rule);
  });

  it('name the pool that is wrong', () => {
    const pools = { reads: {}, writes: { max: 0 } };
    expect(refusal(() => createPools({ redis, pools }))[0]).toBe('options.pools.writes.max');
    expect(refusal(() => createPools({ redis, pools: { a: {} } }).get('b' as never))[1]).toContain(
      'one of a',
    );
  });
});

describe('options of closeOnSignals', () => {
  it.each([
    [{ signals: ['TERM'] }, 'signals'],
    [{ drainMs: -1 }, 'drainMs'],
    [{ exit: true }, 'exit'],
  ])('refuse %j', (options, where) => {
    const redis = createRedis('memory://signals');
    const listeners = process.listenerCount('SIGTERM');
    expect(refusal(() => closeOnSignals(redis, options as never))[0]).toContain(where);
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
  });

  it('leave no listener once removed', async () => {
    const redis = createRedis('memory://signals');
    const before = process.listenerCount('SIGUSR2');
    const remove = closeOnSignals(redis, { signals: ['SIGUSR2'] });
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
    remove();
    expect(process.listenerCount('SIGUSR2')).toBe(before);
    await redis.close();
  });
});
