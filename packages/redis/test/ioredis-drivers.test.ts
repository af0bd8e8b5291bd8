import type { Logger } from '@lockstep/core';
import {
  connect,
  createPool,
  createRedis,
  defineScript,
  scriptCall,
  type RedisOptions,
} from '@lockstep/redis';
import { eventually, ManualClock } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { FakeServer } from './fake-server.ts';

const warnings: string[] = [];
const logger: Logger = { debug() {}, info() {}, warn: (_, text) => void warnings.push(text), error() {} };
const options: RedisOptions = { logger, prefix: 'p:', commandTimeoutMs: 1_000, socketTimeoutMs: 500 };

const increment = defineScript({
  name: 'test.increment',
  keys: ['counter'],
  args: ['by'],
  lua: `return redis.call('INCRBY', counter, by)`,
  parse: Number,
  idempotent: true,
});
const call = (by: number) => scriptCall(increment, { counter: 'p:n' }, { by });
const run = { counter: 'p:n' };

describe.each(['redis', 'redis+cluster'])('a %s:// connection over a server that is played', (scheme) => {
  const urlOf = (fake: FakeServer) => `${scheme}://127.0.0.1:${fake.port}`;

  it('sends EVALSHA, then EVAL where the script is not known, also in a pipeline', async () => {
    await using fake = await FakeServer.start();
    await using redis = await connect(urlOf(fake), options);
    expect(await redis.run(increment, run, { by: 1 })).toBe(1);
    fake.answers['evalsha'] = ([, , , , by]) => (by === '3' ? new Error('NOSCRIPT x') : Number(by) * 10);
    const settled = await redis.runAll([call(2), call(3), call(4)]);
    expect(settled.map((outcome) => (outcome as { value?: unknown }).value)).toEqual([20, 1, 40]);
    expect(fake.count('eval')).toBe(2);
  });

  it('is there soon after a server has read its data back, whatever that guessed', async () => {
    await using fake = await FakeServer.start();
    const done = fake.answers['info']!;
    let loading = true;
    fake.answers['info'] = (...asked) =>
      loading ? 'redis_version:7.0.15\r\nloading:1\r\nloading_eta_seconds:9\r\n' : done(...asked);
    const connecting = connect(urlOf(fake), { ...options, commandTimeoutMs: 5_000, socketTimeoutMs: 5_000 });
    await eventually(() => expect(fake.count('info')).toBeGreaterThan(2));
    loading = false;
    const readAt = performance.now();
    await using redis = await connecting;
    expect(await redis.run(increment, run, { by: 1 })).toBe(1);
    expect(performance.now() - readAt).toBeLessThan(2_000);
  });

  it('says what failed when a pipeline is cut, or refused one by one', async () => {
    await using fake = await FakeServer.start();
    await using redis = await connect(urlOf(fake), options);
    fake.answers['evalsha'] = () => new Error('WRONGTYPE Operation against a key');
    const refused = await redis.runAll([call(1), call(2)]);
    expect(refused.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown)).toEqual([
      expect.objectContaining({ code: 'REDIS_COMMAND' }),
      expect.objectContaining({ code: 'REDIS_COMMAND' }),
    ]);
    fake.answers['evalsha'] = (_, socket) => void socket.destroy();
    const cut = await redis.runAll([call(1), call(2)], { timeoutMs: 150 });
    expect(cut.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown)).toEqual([
      expect.objectContaining({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true }),
      expect.objectContaining({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true }),
    ]);
  });

  it('reads the guarantee again when replicas had time to attach', async () => {
    await using fake = await FakeServer.start();
    const clock = new ManualClock();
    await using redis = await connect(urlOf(fake), { ...options, clock });
    const replicas = (): number => redis.guarantee.basis.replicas;
    const alone = fake.answers['info']!;
    await eventually(() => expect(fake.count('info')).toBeGreaterThan(2));
    expect(replicas()).toBe(0);
    fake.answers['info'] = (...asked) =>
      `${alone(...asked) as string}slave0:ip=127.0.0.1,port=1,state=online,offset=0,lag=0\r\n`;
    await clock.advance(999);
    const asked = fake.count('info');
    await clock.advance(1);
    await eventually(() => expect(replicas()).toBe(1));
    expect(fake.count('info')).toBe(asked + 1);
    await clock.advance(4_000);
    await clock.advance(15_000);
    await eventually(() => expect(fake.count('info')).toBe(asked + 3));
    await redis.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('hears messages, comes back after a loss, and tells of the gap', async () => {
    await using fake = await FakeServer.start();
    await using redis = await connect(urlOf(fake), { ...options, heartbeatMs: 100 });
    const heard: string[] = [];
    const events: string[] = [];
    for (const event of ['up', 'down', 'gap'] as const) redis.on(event, () => void events.push(event));
    const subscription = redis.subscribe('p:news', (payload) => void heard.push(payload));
    await subscription.ready;
    fake.publish('p:news', 'one');
    await eventually(() => expect(heard).toEqual(['one']));
    await eventually(() => expect(fake.count('ping')).toBeGreaterThan(0));
    fake.drop();
    await eventually(() => expect(events).toEqual(expect.arrayContaining(['down', 'up', 'gap'])));
    fake.publish('p:news', 'two');
    await eventually(() => expect(heard).toEqual(['one', 'two']));
    await subscription.close();
    expect(fake.received).toContainEqual(['unsubscribe', 'p:news']);
    await eventually(async () => expect((await redis.health()).status).not.toBe('down'));
    expect(await redis.time()).toBe(1_000_000);
  });

  it('has a replica confirm a write over a connection of its own', async () => {
    await using fake = await FakeServer.start();
    const durability = { replicas: 1, timeoutMs: 50 };
    await using redis = await connect(urlOf(fake), { ...options, durability });
    fake.answers['evalsha'] = () => 7;
    const confirmed = () => redis.runDurably(increment, run, { by: 1 });
    // The first call opens the connection.
    expect(await eventually(confirmed)).toEqual({ reply: 7, replicated: 1 });
    fake.answers['evalsha'] = () => new Error('OOM command not allowed');
    await expect(confirmed()).rejects.toMatchObject({ code: 'REDIS_FULL' });
    fake.answers['wait'] = () => undefined;
    fake.answers['evalsha'] = () => 7;
    await expect(confirmed()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true });
  });

  it('lends connections, cleans them, and replaces what cannot be cleaned', async () => {
    await using fake = await FakeServer.start();
    await using redis = await connect(urlOf(fake), options);
    await using pool = createPool({ redis, max: 1 });
    const first = await pool.acquire();
    await first.release();
    const again = await pool.acquire();
    expect(again.client).toBe(first.client);
    fake.answers['unwatch'] = () => 'QUEUED';
    await again.release();
    const other = await pool.acquire();
    expect(other.client).not.toBe(first.client);
    await other.release();
  });

  it('gives up a silent socket, and makes another one', async () => {
    await using fake = await FakeServer.start();
    await using redis = await connect(urlOf(fake), options);
    fake.answers['evalsha'] = () => undefined;
    const silent = redis.run(increment, run, { by: 1 });
    await expect(silent).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true });
    fake.answers['evalsha'] = () => 3;
    expect(await redis.run(increment, run, { by: 1 }, { timeoutMs: 5_000 })).toBe(3);
  });

  it('fails at once when its credentials are refused, and says so once', async () => {
    await using fake = await FakeServer.start();
    fake.answers['auth'] = () => new Error('WRONGPASS invalid username-password pair or user is disabled.');
    const denied = new Error('NOAUTH Authentication required.');
    fake.answers['info'] = fake.answers['cluster'] = () => denied;
    const url = `${scheme}://app:canary@127.0.0.1:${fake.port}`;
    const failure: unknown = await connect(url, options).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'REDIS_ACCESS', reason: 'credentials' });
    expect(String(failure)).not.toContain('canary');
  });
});

describe('a connection to one server', () => {
  it('is not up in database 0 when its own is refused', async () => {
    await using fake = await FakeServer.start();
    fake.answers['select'] = () =>
      new Error("NOPERM this user has no permissions to run the 'select' command");
    await using redis = createRedis(`${fake.url}/3`, options);
    await expect(redis.ready({ timeoutMs: 300 })).rejects.toMatchObject({ remedy: '+select' });
    const late = redis.run(increment, run, { by: 1 }, { timeoutMs: 500 });
    await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/^REDIS_/) as string });
    expect(fake.count('evalsha')).toBe(0);
  });
});

describe('a connection to a Cluster', () => {
  it('follows a redirect, reads the map again, and waits while no master serves the slot', async () => {
    await using fake = await FakeServer.start();
    await using redis = await connect(`redis+cluster://127.0.0.1:${fake.port}`, options);
    let refusals = 1;
    fake.answers['evalsha'] = () => (refusals-- > 0 ? new Error(`MOVED 1 127.0.0.1:${fake.port}`) : 9);
    const maps = fake.count('cluster');
    expect(await redis.run(increment, run, { by: 1 })).toBe(9);
    await eventually(() => expect(fake.count('cluster')).toBeGreaterThan(maps));
    refusals = 1;
    fake.answers['evalsha'] = () => (refusals-- > 0 ? new Error('CLUSTERDOWN Hash slot not served') : 9);
    expect(await redis.run(increment, run, { by: 1 })).toBe(9);
  });
});
