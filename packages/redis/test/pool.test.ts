import { isLockstepError } from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { PooledClient } from '../src/client.ts';
import type { ClientLink } from '../src/driver.ts';
import { Pool, type PoolParts } from '../src/pool.ts';
import { poolDefaults, type PoolLimits } from '../src/pool-options.ts';

class FakeLink implements ClientLink {
  readonly client = {} as PooledClient;
  ready = false;
  closed = false;
  /** What `clean` answers; never, if `undefined`. */
  cleans: boolean | undefined = true;
  #onLost: () => void = () => {};
  readonly #connect: () => Promise<void>;

  constructor(connect: () => Promise<void>) {
    this.#connect = connect;
  }

  async open(onLost: () => void): Promise<void> {
    await this.#connect();
    this.ready = true;
    this.#onLost = onLost;
  }

  isReady(): boolean {
    return this.ready;
  }

  clean(): Promise<boolean> {
    return this.cleans === undefined ? new Promise(() => {}) : Promise.resolve(this.cleans);
  }

  close(): void {
    this.closed = true;
    this.lose();
  }

  lose(): void {
    if (!this.ready) return;
    this.ready = false;
    this.#onLost();
  }
}

function setUp(limits: Omit<Partial<PoolLimits>, 'maxBlockMs'> = {}) {
  const clock = new ManualClock();
  const links: FakeLink[] = [];
  const server = { refuses: false, holds: false };
  const connect = async (): Promise<void> => {
    if (server.refuses) throw new Error('connect ECONNREFUSED');
    if (server.holds) await new Promise(() => {});
  };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  const parts: PoolParts = {
    name: 'tx',
    limits: { ...poolDefaults, ...given },
    createLink: () => {
      const link = new FakeLink(connect);
      links.push(link);
      return link;
    },
    clock,
    random: { next: () => 0.5, id: () => 'id' },
    address: 'redis://host',
    cleanTimeoutMs: 100,
    onClosed: () => Promise.resolve(),
  };
  return { clock, links, server, pool: new Pool(parts) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a pool of connections', () => {
  it('opens nothing before the first acquire, and lends the same connection again', async () => {
    const { pool, links } = setUp();
    expect(links).toHaveLength(0);
    const first = await pool.acquire();
    await first.release();
    const second = await pool.acquire();
    expect(second.client).toBe(first.client);
    expect(await pool.stats()).toMatchObject({ size: 1, idle: 0, borrowed: 1, created: 1, closed: 0 });
  });

  it('grows up to its maximum and serves 50 callers over two connections in the order they came', async () => {
    const { pool, links } = setUp({ max: 2 });
    const served: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, caller) => {
        await using lease = await pool.acquire({ purpose: `caller ${caller}` });
        served.push(caller);
        expect(lease.client).toBeDefined();
        await settled();
      }),
    );
    expect(served).toEqual(Array.from({ length: 50 }, (_, caller) => caller));
    expect(links).toHaveLength(2);
    expect(await pool.stats()).toMatchObject({ size: 2, idle: 2, borrowed: 0, waiting: 0 });
  });

  it('says who waited for what, and how long, when no connection comes free', async () => {
    const { pool, clock } = setUp({ max: 2, acquireTimeoutMs: 300 });
    await pool.acquire({ purpose: 'checkout' });
    await pool.acquire();
    const refused = pool.acquire({ purpose: 'refund' }).catch((error: unknown) => error);
    await clock.advance(100);
    expect(await pool.stats()).toMatchObject({
      waiting: 1,
      borrowers: [{ purpose: 'checkout', heldMs: 100 }, { heldMs: 100 }],
      waiters: [{ purpose: 'refund', waitedMs: 100 }],
    });
    await clock.advance(200);
    const error = await refused;
    expect(error).toMatchObject({ code: 'POOL_EXHAUSTED', pool: 'tx', size: 2, waiting: 1, waitedMs: 300 });
    expect(String(error)).toContain('for refund within 300 ms');
  });

  it('leaks nothing after 1,000 acquires that were aborted', async () => {
    const { pool, links, clock } = setUp({ max: 2 });
    const held = [await pool.acquire(), await pool.acquire()];
    const reason = new Error('enough');
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, () => {
        const controller = new AbortController();
        const waiting = pool.acquire({ signal: controller.signal }).catch((error: unknown) => error);
        controller.abort(reason);
        return waiting;
      }),
    );
    expect(new Set(outcomes)).toEqual(new Set([reason]));
    expect(await pool.stats()).toMatchObject({ size: 2, borrowed: 2, waiting: 0 });
    await Promise.all(held.map((lease) => lease.release()));
    expect(await pool.stats()).toMatchObject({ size: 2, idle: 2, borrowed: 0 });
    expect(links).toHaveLength(2);
    // Two timers are left: those of the idle connections.
    expect(clock.pendingTimers).toBe(2);
  });

  it('rejects at once with the reason of a signal that has aborted', async () => {
    const { pool, links } = setUp();
    await expect(pool.acquire({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(links).toHaveLength(0);
  });

  it('replaces a connection that is lost while idle, and one lost while borrowed', async () => {
    const { pool, links } = setUp({ max: 1 });
    const first = await pool.acquire();
    links[0]!.lose();
    const waiting = pool.acquire();
    await first.release();
    const second = await waiting;
    expect(second.client).toBe(links[1]!.client);
    await second.release();
    links[1]!.lose();
    const third = await pool.acquire();
    expect(third.client).toBe(links[2]!.client);
    expect(await pool.stats()).toMatchObject({ size: 1, created: 3, closed: 2 });
  });

  it('does not lend a connection that its borrower calls broken, or that does not come clean', async () => {
    const { pool, links, clock } = setUp({ max: 1 });
    await (await pool.acquire()).release({ broken: true });
    expect(links[0]!.closed).toBe(true);
    const second = await pool.acquire();
    links[1]!.cleans = false;
    await second.release();
    expect(links[1]!.closed).toBe(true);
    const third = await pool.acquire();
    links[2]!.cleans = undefined;
    const released = third.release();
    await clock.advance(100);
    await released;
    expect(links[2]!.closed).toBe(true);
    expect((await pool.acquire()).client).toBe(links[3]!.client);
  });

  it('takes a connection back once, however often it is given back', async () => {
    const { pool } = setUp({ max: 1 });
    const first = await pool.acquire();
    await first.release();
    const second = await pool.acquire();
    await first.release();
    expect(await pool.stats()).toMatchObject({ borrowed: 1, idle: 0 });
    await second.release();
    expect(await pool.stats()).toMatchObject({ borrowed: 0, idle: 1 });
  });

  it('shrinks to its minimum when nobody needs the rest', async () => {
    const { pool, clock, links } = setUp({ min: 1, max: 3, idleTimeoutMs: 1_000 });
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    await Promise.all(leases.map((lease) => lease.release()));
    expect((await pool.stats()).idle).toBe(3);
    await clock.advance(999);
    expect((await pool.stats()).size).toBe(3);
    await clock.advance(2);
    expect(await pool.stats()).toMatchObject({ size: 1, idle: 1, closed: 2 });
    expect(links.filter(({ closed }) => closed)).toHaveLength(2);
  });

  it('lends the connection used last, so that a pool under little load can shrink', async () => {
    const { pool, clock } = setUp({ max: 2, idleTimeoutMs: 1_000 });
    const leases = [await pool.acquire(), await pool.acquire()];
    for (const lease of leases) await lease.release();
    for (let round = 0; round < 4; round++) {
      await clock.advance(400);
      await (await pool.acquire()).release();
    }
    expect((await pool.stats()).size).toBe(1);
  });

  it('opens its minimum with the first acquire', async () => {
    const { pool } = setUp({ min: 3, max: 5 });
    await pool.acquire();
    await settled();
    expect(await pool.stats()).toMatchObject({ size: 3, idle: 2, borrowed: 1 });
  });

  it('goes on trying while Redis is away, and tells why when nobody could be served', async () => {
    const { pool, clock, server, links } = setUp({ max: 1, acquireTimeoutMs: 1_000 });
    server.refuses = true;
    const refused = pool.acquire().catch((error: unknown) => error);
    await clock.advance(500);
    expect((await pool.health()).status).toBe('down');
    await clock.advance(500);
    expect(await refused).toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'connection' });
    expect(links.length).toBeGreaterThan(2);
    const waiting = pool.acquire();
    await clock.advance(100);
    server.refuses = false;
    await clock.advance(900);
    await (await waiting).release();
    expect(await pool.health()).toMatchObject({ status: 'up' });
  });

  it('stops trying when nobody waits any more', async () => {
    const { pool, clock, server, links } = setUp({ acquireTimeoutMs: 100 });
    server.refuses = true;
    const refused = pool.acquire().catch(() => {});
    await clock.advance(5_000);
    await refused;
    const tries = links.length;
    await clock.advance(5_000);
    expect(links).toHaveLength(tries);
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes what is idle at once, waits for what is borrowed, and refuses new borrowers', async () => {
    const { pool, links } = setUp({ max: 2 });
    const [kept, idle] = [await pool.acquire(), await pool.acquire()];
    await idle.release();
    const waiting = [pool.acquire(), pool.acquire()];
    await (await waiting[0]!).release();
    const last = await waiting[1]!;
    const closing = pool.close();
    const refused = await pool.acquire().catch((error: unknown) => error);
    expect(isLockstepError(refused, 'CLOSED')).toBe(true);
    await last.release();
    await kept.release();
    expect(await closing).toMatchObject({ name: 'pool tx', finished: 2, aborted: 0 });
    expect(links.every(({ closed }) => closed)).toBe(true);
    expect(await pool.close()).toBe(await closing);
  });

  it('closes under its borrowers what they keep for longer than drainMs, and refuses those in line', async () => {
    const { pool, clock, links } = setUp({ max: 1 });
    const kept = await pool.acquire();
    const inLine = pool.acquire().catch((error: unknown) => error);
    const closing = pool.close({ drainMs: 200 });
    expect(await inLine).toMatchObject({ code: 'CLOSED' });
    await clock.advance(200);
    expect(await closing).toMatchObject({ finished: 0, aborted: 1 });
    expect(links[0]!.closed).toBe(true);
    await kept.release();
  });

  it('closes a connection that comes up after the pool was closed', async () => {
    const { pool, server, clock, links } = setUp();
    server.holds = true;
    const refused = pool.acquire().catch((error: unknown) => error);
    const closing = pool.close({ drainMs: 50 });
    await clock.advance(50);
    expect(await closing).toMatchObject({ aborted: 1 });
    expect(await refused).toMatchObject({ code: 'CLOSED' });
    expect(links[0]!.closed).toBe(true);
  });
});
