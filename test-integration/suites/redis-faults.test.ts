import { isLockstepError, type LockstepError, type Logger } from '@lockstep/core';
import { connect, scriptCall, type Redis, type RedisOptions } from '@lockstep/redis';
import { eventually, faultProxy } from '@lockstep/testing';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startStandalone } from '../src/servers/standalone.ts';
import { countOnce, drain, increment, incrementInTime, store } from './redis-scripts.ts';

/** Every error must come within the call's deadline; scheduling on a loaded machine is allowed this much. */
const slackMs = 750;
const deadlineMs = 2_000;
/** Calls succeed again this soon after Redis accepts. */
const recoveryMs = 2_000;

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const open = new Set<Redis>();
let server: Awaited<ReturnType<typeof startStandalone>>;

async function connected(url = server.url, options: RedisOptions = {}): Promise<Redis> {
  const redis = await connect(url, { logger: silent, prefix: `test-${crypto.randomUUID()}:`, ...options });
  open.add(redis);
  return redis;
}

function keysOf(redis: Redis) {
  const space = redis.keyspace('fault', 'x');
  return {
    counter: space.key('counter'),
    seen: space.key('seen'),
    runs: space.key('runs'),
    list: space.key('list'),
  };
}

async function failureOf(call: Promise<unknown>): Promise<{ error: LockstepError; afterMs: number }> {
  const start = performance.now();
  const error: unknown = await call.then(
    (value) => new Error(`resolved with ${String(value)}`),
    (caught: unknown) => caught,
  );
  if (!isLockstepError(error)) throw error;
  return { error, afterMs: performance.now() - start };
}

/** Calls until one succeeds; how long that took. */
async function recovery(redis: Redis): Promise<number> {
  const start = performance.now();
  await eventually(() => redis.run(countOnce, keysOf(redis), { id: crypto.randomUUID() }), {
    timeoutMs: 10_000,
    intervalMs: 5,
  });
  return performance.now() - start;
}

/** Starts calls all the time; each ends as a success or a typed error within its deadline. */
function load(redis: Redis) {
  const outcomes: { id: string; ok: boolean; ms: number; error?: unknown }[] = [];
  let stopped = false;
  const worker = async (): Promise<void> => {
    while (!stopped) {
      const id = crypto.randomUUID();
      const start = performance.now();
      const result = await redis.run(countOnce, keysOf(redis), { id }).then(
        () => ({ ok: true }),
        (error: unknown) => ({ ok: false, error }),
      );
      outcomes.push({ id, ms: performance.now() - start, ...result });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const workers = Array.from({ length: 10 }, worker);
  return async () => {
    stopped = true;
    await Promise.all(workers);
    return outcomes;
  };
}

async function expectSafe(
  redis: Redis,
  outcomes: Awaited<ReturnType<ReturnType<typeof load>>>,
): Promise<void> {
  const keys = keysOf(redis);
  for (const { ok, error, ms } of outcomes) {
    if (!ok && !isLockstepError(error)) throw error;
    expect(ms).toBeLessThan(deadlineMs + slackMs);
  }
  const acknowledged = outcomes.filter(({ ok }) => ok).map(({ id }) => id);
  const stored = new Set((await server.command('SMEMBERS', keys.seen)) as string[]);
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  // Once per id: what was sent twice took effect once.
  expect(Number(await server.command('GET', keys.counter))).toBe(stored.size);
}

describe.runIf(inject('redis').site !== null)('the connection layer on a real server', () => {
  beforeAll(async () => {
    server = await startStandalone({ appendonly: 'always' });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  afterEach(async () => {
    await Promise.all([...open].map((redis) => redis.close()));
    open.clear();
  });

  describe('under load', () => {
    it.each([
      ['kill -9 and a restart', async () => (await server.kill9(), server.restart())],
      [
        'a server frozen for 3 s',
        async () => {
          await server.stop();
          await new Promise((resolve) => setTimeout(resolve, 3_000));
          await server.cont();
        },
      ],
      [
        'CLIENT KILL of both connections, ten times',
        async () => {
          for (let n = 0; n < 10; n += 1) {
            await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
            await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
            await new Promise((resolve) => setTimeout(resolve, 60));
          }
        },
      ],
      ['CLIENT PAUSE for 500 ms', async () => server.command('CLIENT', 'PAUSE', 500, 'ALL')],
      [
        'SCRIPT FLUSH, fifty times',
        async () => {
          for (let n = 0; n < 50; n += 1) await server.command('SCRIPT', 'FLUSH');
        },
      ],
    ])('%s loses nothing, executes nothing twice, and calls succeed again within 2 s', async (_, fault) => {
      const redis = await connected();
      const heard: string[] = [];
      const channel = redis.keyspace('fault', 'x').channel('news');
      await redis.subscribe(channel, (payload) => heard.push(payload)).ready;
      const stop = load(redis);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await fault();
      expect(await recovery(redis)).toBeLessThan(recoveryMs);
      const outcomes = await stop();
      await expectSafe(redis, outcomes);
      expect(outcomes.filter(({ ok }) => ok).length).toBeGreaterThan(10);
      await eventually(async () => {
        await server.command('PUBLISH', channel, 'again');
        expect(heard).toContain('again');
      });
    });
  });

  describe('a frozen server', () => {
    it('gives a typed error within the deadline, and the client leaves it', async () => {
      const redis = await connected();
      await server.stop();
      const { error, afterMs } = await failureOf(redis.run(increment, keysOf(redis), {}));
      await server.cont();
      expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true, retryable: true });
      expect(afterMs).toBeLessThan(deadlineMs + slackMs);
      expect(await recovery(redis)).toBeLessThan(recoveryMs);
    });

    it('never executes what was given up, where the script expires', async () => {
      const redis = await connected();
      await redis.run(incrementInTime, keysOf(redis), {});
      await server.stop();
      const calls = Array.from({ length: 20 }, () =>
        failureOf(redis.run(incrementInTime, keysOf(redis), {}, { timeoutMs: 300 })),
      );
      for (const { afterMs } of await Promise.all(calls)) expect(afterMs).toBeLessThan(300 + slackMs);
      await new Promise((resolve) => setTimeout(resolve, 400));
      await server.cont();
      await recovery(redis);
      expect(await server.command('GET', keysOf(redis).counter)).toBe('2');
    });

    it('does execute it where the script does not: the control', async () => {
      const redis = await connected(server.url, { socketTimeoutMs: 2_000 });
      await redis.run(increment, keysOf(redis), {});
      await server.stop();
      const controller = new AbortController();
      const call = redis.run(increment, keysOf(redis), {}, { signal: controller.signal });
      setTimeout(() => controller.abort(new Error('enough')), 300);
      await expect(call).rejects.toThrow('enough');
      await server.cont();
      await eventually(async () => expect(await server.command('GET', keysOf(redis).counter)).toBe('2'));
    });
  });

  describe('a lost reply', () => {
    it('costs a reconnect where the script may be sent twice, and counts once', async () => {
      await using proxy = await faultProxy(server.url);
      const redis = await connected(proxy.url);
      const keys = keysOf(redis);
      await redis.run(countOnce, keys, { id: 'warm' });
      proxy.swallowReply({ match: 'evalsha' });
      const start = performance.now();
      expect(await redis.run(countOnce, keys, { id: 'a' })).toBe(2);
      expect(performance.now() - start).toBeLessThan(1_000);
      expect(await server.command('GET', keys.runs)).toBe('3');
    });

    it('is an unknown outcome where it may not, and nothing is executed twice', async () => {
      await using proxy = await faultProxy(server.url);
      const redis = await connected(proxy.url);
      await redis.run(increment, keysOf(redis), {});
      proxy.swallowReply({ match: 'evalsha' });
      const { error } = await failureOf(redis.run(increment, keysOf(redis), {}));
      expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true });
      expect(await recovery(redis)).toBeLessThan(recoveryMs);
      expect(await redis.run(increment, keysOf(redis), {})).toBe(4);
    });
  });

  describe('a half-open socket', () => {
    it('is noticed on both connections, and left', async () => {
      await using proxy = await faultProxy(server.url);
      const redis = await connected(proxy.url, { heartbeatMs: 200 });
      const channel = redis.keyspace('fault', 'x').channel('news');
      const gaps: number[] = [];
      redis.on('gap', () => gaps.push(performance.now()));
      await redis.subscribe(channel, () => {}).ready;
      proxy.hold();
      const { error, afterMs } = await failureOf(redis.run(increment, keysOf(redis), {}));
      expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE' });
      expect(afterMs).toBeLessThan(deadlineMs + slackMs);
      proxy.reset();
      proxy.resume();
      expect(await recovery(redis)).toBeLessThan(recoveryMs);
      await eventually(() => expect(gaps.length).toBeGreaterThan(0));
    });

    it('is noticed by the heartbeat of an idle subscriber, without any call', async () => {
      await using proxy = await faultProxy(server.url);
      const redis = await connected(proxy.url, { heartbeatMs: 200, socketTimeoutMs: 300 });
      const gap = new Promise<void>((resolve) => void redis.on('gap', resolve));
      await redis.subscribe(redis.keyspace('fault', 'x').channel('news'), () => {}).ready;
      proxy.hold();
      await eventually(async () => expect((await redis.health()).status).toBe('down'));
      proxy.reset();
      proxy.resume();
      await gap;
    });
  });

  describe('scripts in one write', () => {
    it('survive SCRIPT FLUSH in the middle: each is executed once', async () => {
      const redis = await connected();
      const keys = keysOf(redis);
      let sent = 0;
      for (let round = 0; round < 50; round += 1) {
        const calls = Array.from({ length: 40 }, () => scriptCall(increment, keys, {}));
        const [outcomes] = await Promise.all([redis.runAll(calls), server.command('SCRIPT', 'FLUSH')]);
        expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true);
        sent += calls.length;
      }
      expect(await server.command('GET', keys.counter)).toBe(String(sent));
    });

    it('fail with typed errors when the connection is killed under them', async () => {
      const redis = await connected();
      const keys = keysOf(redis);
      await server.command('CLIENT', 'PAUSE', 300, 'ALL');
      const batch = redis.runAll(Array.from({ length: 20 }, () => scriptCall(increment, keys, {})));
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const outcomes = await batch;
      const executed = Number((await server.command('GET', keys.counter)) ?? 0);
      const fulfilled = outcomes.filter(({ status }) => status === 'fulfilled').length;
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected' && !isLockstepError(outcome.reason, 'REDIS_UNAVAILABLE'))
          throw outcome.reason;
      }
      expect(executed).toBeGreaterThanOrEqual(fulfilled);
      expect(executed).toBeLessThanOrEqual(20);
    });
  });

  describe('what Redis refuses', () => {
    it('OOM: writes fail with REDIS_FULL, and a script that frees memory drains the server', async () => {
      await using full = await startStandalone({ maxmemory: '3mb' });
      const redis = await connected(full.url);
      const { list } = keysOf(redis);
      const value = 'x'.repeat(16_384);
      let stored = 0;
      const fill = async (): Promise<void> => {
        for (;;) stored = await redis.run(store, { list }, { value });
      };
      expect((await failureOf(fill())).error).toMatchObject({ code: 'REDIS_FULL', retryable: true });
      expect(stored).toBeGreaterThan(10);
      for (let n = 0; n < 10; n += 1) expect(await redis.run(drain, { list }, {})).toBe(1);
      expect(await redis.run(store, { list }, { value })).toBe(stored - 9);
    });

    it('READONLY: a replica refuses, the call is tried until its deadline, and succeeds once it is promoted', async () => {
      await using replica = await startStandalone();
      const redis = await connected(replica.url);
      const keys = keysOf(redis);
      await redis.run(increment, keys, {});
      await replica.command('REPLICAOF', '127.0.0.1', server.port);
      await eventually(async () => expect(await replica.info('master_link_status')).toBe('up'));
      const { error, afterMs } = await failureOf(redis.run(increment, keys, {}));
      expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'readonly', outcomeUnknown: false });
      expect(afterMs).toBeLessThan(deadlineMs + slackMs);
      const waiting = redis.run(increment, keys, {});
      await replica.command('REPLICAOF', 'NO', 'ONE');
      expect(await waiting).toBe(1);
    });

    it('LOADING: calls wait until the data is loaded', async () => {
      await using slow = await startStandalone({
        appendonly: 'always',
        config: [
          'key-load-delay 500',
          'loading-process-events-interval-bytes 1024',
          'aof-use-rdb-preamble no',
        ],
      });
      for (let n = 0; n < 200; n += 1)
        await slow.command('MSET', ...Array.from({ length: 40 }, (_, i) => `key-${n}-${i}`));
      const redis = await connected(slow.url);
      await slow.kill9();
      const restarted = slow.restart();
      const first = await redis.run(countOnce, keysOf(redis), { id: 'a' }, { timeoutMs: 20_000 });
      await restarted;
      expect(first).toBe(1);
    });

    it('NOAUTH and WRONGPASS: connecting fails at once, and the password is in no message', async () => {
      await using locked = await startStandalone({ requirepass: 'right-password' });
      const { port } = locked;
      for (const userinfo of ['', ':wrong-password@', 'default:wrong-password@']) {
        const start = performance.now();
        const attempt = connect(`redis://${userinfo}127.0.0.1:${port}`, { logger: silent });
        const { error } = await failureOf(attempt);
        expect(error).toMatchObject({ code: 'REDIS_ACCESS', reason: 'credentials', retryable: false });
        expect(JSON.stringify([error.message, String(error.stack)])).not.toMatch(
          /wrong-password|right-password/,
        );
        expect(performance.now() - start).toBeLessThan(1_000);
      }
    });

    it('NOPERM: the error names the command and the rule that would allow it', async () => {
      await using limited = await startStandalone({
        acl: ['user default on nopass ~* &* +@all', 'user app on >secret ~app:* &app:* +@all -eval -evalsha'],
      });
      const redis = await connected(`redis://app:secret@127.0.0.1:${limited.port}`);
      const { error } = await failureOf(redis.run(increment, keysOf(redis), {}));
      expect(error).toMatchObject({ code: 'REDIS_ACCESS', reason: 'permission', remedy: '+evalsha' });
    });
  });

  describe('a connection', () => {
    it('is two sockets for 50 subscriptions and 50 callers', async () => {
      const before = new Set(await clients());
      const redis = await connected();
      const space = redis.keyspace('fault', 'x');
      const subscriptions = Array.from({ length: 50 }, (_, n) =>
        redis.subscribe(space.channel(String(n)), () => {}),
      );
      await Promise.all(subscriptions.map(({ ready }) => ready));
      await Promise.all(Array.from({ length: 50 }, () => redis.run(increment, keysOf(redis), {})));
      expect((await clients()).filter((id) => !before.has(id))).toHaveLength(2);
    });
  });
});

async function clients(): Promise<string[]> {
  const list = (await server.command('CLIENT', 'LIST')) as string;
  return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!);
}
