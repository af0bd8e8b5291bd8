import { isLockstepError, type Logger } from '@lockstep/core';
import { connect, createRedis, type RedisClient } from '@lockstep/redis';
import { Redis as IORedis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => vi.unstubAllEnvs());

const collect = () => {
  const lines: string[] = [];
  const log = (_: object, message: string) => void lines.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  return { lines, logger };
};

const idle = (options: object): RedisClient =>
  new IORedis({ lazyConnect: true, ...options }) as unknown as RedisClient;

describe('createRedis', () => {
  it('without a target reads REDIS_URL, and LOCKSTEP_PREFIX for the prefix; what is passed wins', async () => {
    vi.stubEnv('REDIS_URL', 'memory://from-environment');
    vi.stubEnv('LOCKSTEP_PREFIX', 'shop:');
    const redis = await connect();
    expect([redis.topology, redis.prefix]).toEqual(['memory', 'shop:']);
    expect(createRedis('memory://x', { prefix: 'mine:' }).prefix).toBe('mine:');
    await redis.close();
  });

  it('without any target says what to do, and never falls back to memory', () => {
    vi.stubEnv('REDIS_URL', '');
    expect(() => createRedis()).toThrow('set REDIS_URL, or ask for memory:// by name');
  });

  it.each([
    [{ prefix: 7 }, 'options.prefix', 'must be a string'],
    [{ prefix: 'a{b}' }, 'options.prefix', 'must not contain'],
    [{ prefix: 'a b' }, 'options.prefix', 'must not contain'],
    [{ commandTimeoutMs: '5s' }, 'options.commandTimeoutMs', 'whole number of milliseconds'],
    [{ commandTimeoutMs: 500 }, 'options.commandTimeoutMs', 'at least socketTimeoutMs (1000)'],
    [{ socketTimeoutMs: Number.NaN }, 'options.socketTimeoutMs', 'whole number of milliseconds'],
    [{ heartbeatMs: 1 }, 'options.heartbeatMs', 'at least 100'],
    [{ maxWaitingCalls: -1 }, 'options.maxWaitingCalls', 'at least 0'],
    [{ maxPayloadBytes: 0 }, 'options.maxPayloadBytes', 'at least 1'],
    [{ codec: {} }, 'options.codec', 'encode, decode'],
    [{ logger: {} }, 'options.logger', 'debug, info, warn, error'],
    [{ onError: 'x' }, 'options.onError', 'must be a function'],
    [{ clock: {} }, 'options.clock', 'now, monotonic, setTimer'],
    [{ random: {} }, 'options.random', 'next, id'],
    [{ unknown: 1 }, 'options.unknown', 'is not an option'],
  ])('refuses %j before it opens anything, naming path, rule and value', (options, path, rule) => {
    const attempt = () => createRedis('redis://127.0.0.1:1', options as never);
    expect(attempt).toThrow(rule);
    try {
      attempt();
    } catch (error) {
      expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe(path);
    }
  });

  it.each([undefined, 7, null, {}, { client: {} }])('refuses %j as a target', (target) => {
    vi.stubEnv('REDIS_URL', '');
    expect(() => createRedis(target as never)).toThrow(/^target /);
  });

  it.each([
    ['keyPrefix', { keyPrefix: 'x:' }],
    ['enableAutoPipelining', { enableAutoPipelining: true }],
    ['stringNumbers', { stringNumbers: true }],
    ['readOnly', { readOnly: true }],
  ])('refuses a client that is handed in with %s', (name, options) => {
    expect(() => createRedis({ client: idle(options) })).toThrow(
      `target.client.options.${name} must not be set`,
    );
  });

  it('warns of settings of a handed-in client that weaken promises, each with its remedy', () => {
    const { lines, logger } = collect();
    createRedis({ client: idle({}) }, { logger });
    expect(lines).toHaveLength(4);
    expect(lines.join('\n')).toMatch(
      /autoResendUnfulfilledCommands[\s\S]*commandTimeout[\s\S]*socketTimeout[\s\S]*maxLoadingRetryTime: 10000/,
    );
    const quiet = collect();
    const safe = {
      autoResendUnfulfilledCommands: false,
      commandTimeout: 2_000,
      socketTimeout: 1_000,
      maxLoadingRetryTime: 1_000,
    };
    createRedis({ client: idle(safe) }, { logger: quiet.logger });
    expect(quiet.lines).toEqual([]);
  });

  it('warns once of memory:// in production', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    const { lines, logger } = collect();
    for (const name of ['one', 'two']) await (await connect(`memory://${name}`, { logger })).close();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('memory:// in production');
  });

  it('does no input or output by itself', async () => {
    const { lines, logger } = collect();
    const redis = createRedis('redis://127.0.0.1:1', { logger });
    await redis.close();
    expect(lines).toEqual([]);
  });

  it('fails to connect with a typed error that has the cause and no password', async () => {
    const { lines, logger } = collect();
    const redis = createRedis('redis://user:hunter22@127.0.0.1:1', { logger });
    const error: unknown = await redis.ready({ timeoutMs: 150 }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'connection', outcomeUnknown: false });
    expect(String(error)).toContain('ECONNREFUSED');
    expect(`${String(error)} ${lines.join()}`).not.toContain('hunter22');
    await redis.close();
  });

  it('tells of a connection that keeps failing once, not at every try', async () => {
    const { lines, logger } = collect();
    const redis = createRedis('redis://127.0.0.1:1', { logger });
    await redis.ready({ timeoutMs: 400 }).catch(() => {});
    await redis.close();
    expect(lines).toHaveLength(1);
  });
});
