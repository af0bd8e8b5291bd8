import { connect, createPool, type Redis } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';
import { silent } from './redis-load.ts';

describe.runIf(inject('redis').site !== null)('a pool of real connections', () => {
  let server: StandaloneServer;
  let redis: Redis;
  let before: Set<string>;

  beforeAll(async () => {
    server = await startStandalone();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    redis = await connect(server.url, { logger: silent });
    before = new Set(await connections(server));
  });
  afterEach(() => redis.close({ drainMs: 0 }));

  const opened = async (): Promise<string[]> =>
    (await connections(server)).filter((connection) => !before.has(connection));

  it('serves 50 callers over two connections, in order', async () => {
    const pool = createPool({ redis, max: 2 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, caller) => {
        await using lease = await pool.acquire();
        order.push(caller);
        await lease.client.blpop('never', 0.01);
      }),
    );
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(await opened()).toHaveLength(2);
    const stats = await pool.stats();
    expect(stats).toMatchObject({ size: 2, idle: 2, borrowed: 0, waiting: 0, created: 2 });
    // 24 rounds of at least 10 ms lie before the last caller.
    expect(stats.waitMs.p99).toBeGreaterThan(200);
  });

  it('leaks no connection after 1,000 acquires that were aborted, some of them while it was being opened', async () => {
    const pool = createPool({ redis, max: 2 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1_000 }, async (_, n) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), n % 20);
        await using lease = await pool.acquire({ signal: controller.signal });
        await lease.client.blpop('never', 0.02);
      }),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(900);
    await eventually(async () =>
      expect(await pool.stats()).toMatchObject({ idle: 2, borrowed: 0, waiting: 0 }),
    );
    expect(await opened()).toHaveLength(2);
    await pool.close();
    await eventually(async () => expect(await opened()).toEqual([]));
  });

  it('replaces connections that the server kills, idle or borrowed', async () => {
    const pool = createPool({ redis, min: 2, max: 2 });
    const kept = await pool.acquire();
    await eventually(async () => expect(await opened()).toHaveLength(2));
    for (const id of await opened()) await server.command('client', 'kill', 'id', id);
    await eventually(async () =>
      expect(await pool.stats()).toMatchObject({ size: 2, created: 4, closed: 2 }),
    );
    await expect(kept.client.ping()).rejects.toThrow('closed');
    await kept.release();
    await using lease = await pool.acquire();
    expect(await lease.client.ping()).toBe('PONG');
  });

  it('grows under pressure and shrinks when it is over', async () => {
    const pool = createPool({ redis, max: 5, idleTimeoutMs: 200 });
    const leases = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()));
    expect(await opened()).toHaveLength(5);
    await Promise.all(leases.map((lease) => lease.release()));
    await eventually(async () => expect(await pool.stats()).toMatchObject({ size: 0, closed: 5 }));
    await eventually(async () => expect(await opened()).toEqual([]));
  });

  it('lends no connection that still watches, is inside MULTI, subscribed or blocked', async () => {
    const pool = createPool({ redis, max: 1, maxBlockMs: 5_000 });
    const leftBehind: Record<string, (lease: Awaited<ReturnType<typeof pool.acquire>>) => unknown> = {
      watch: ({ client }) => client.watch('key'),
      multi: ({ client }) => client.call('multi'),
      subscribe: ({ client }) => client.subscribe('channel'),
      blocked: ({ client }) => void client.blpop('never', 3).catch(() => {}),
    };
    for (const [what, leave] of Object.entries(leftBehind)) {
      const dirty = await pool.acquire({ purpose: what });
      await leave(dirty);
      await dirty.release();
      await server.command('set', 'key', what);
      await using next = await pool.acquire();
      expect(await next.client.multi().set('key', 'mine').exec()).toEqual([[null, 'OK']]);
    }
    // The watching one was cleaned and used again, the others were replaced.
    expect(await pool.stats()).toMatchObject({ created: 4, closed: 3 });
  });

  it('lets a command block for as long as maxBlockMs says, and no longer', async () => {
    const short = createPool({ redis, name: 'short', max: 1 });
    const blocking = createPool({ redis, name: 'blocking', max: 1, maxBlockMs: 3_000 });
    await using cut = await short.acquire();
    await using blocks = await blocking.acquire();
    const waited = blocks.client.blpop('never', 1.6);
    await expect(cut.client.blpop('never', 1.6)).rejects.toThrow();
    expect(await waited).toBeNull();
  });

  it('tells why when Redis is away, and goes on once it is back', async () => {
    await using pool = createPool({ target: 'redis://127.0.0.1:1', acquireTimeoutMs: 200 });
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'connection' });
    expect((await pool.health()).status).toBe('down');
    const patient = createPool({ redis });
    await server.kill9();
    const waiting = patient.acquire();
    await server.restart();
    await using lease = await waiting;
    expect(await lease.client.ping()).toBe('PONG');
  });
});

async function connections(server: StandaloneServer): Promise<string[]> {
  const list = (await server.command('client', 'list')) as string;
  return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!);
}
