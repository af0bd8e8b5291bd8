import { createLocks, type Locks, type Semaphore } from '@lockstep/lock';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { raw, silent } from './behaviour/setup.ts';

let at: MemoryConnection;
let locks: Locks;
beforeEach(async () => {
  at = await memoryConnection({ logger: silent });
  locks = createLocks({ redis: at.redis, logger: silent });
});
afterEach(() => at[Symbol.asyncDispose]());

const extrasOf = (name: string): Promise<Record<string, string>> =>
  raw(at.redis).hgetall(`{lockstep:lock:${name}}:semaphore:extras`);
const pttl = (key: string): Promise<number> =>
  (at.redis.client as unknown as { pttl(key: string): Promise<number> }).pttl(key);

/** Takes permits as a process that dies with them does. */
async function takeAndDie(pool: Semaphore, count: number, ttlMs: number): Promise<void> {
  await pool.acquire({ count, ttlMs, autoExtend: false });
}

describe('permits of a holder that died', () => {
  it('come back at its deadline, though others gave theirs back later than its keys were told of', async () => {
    const pool = locks.semaphore('a', { permits: 3 });
    await takeAndDie(pool, 2, 10_000);
    await at.clock.advance(5_000);
    const other = await pool.acquire({ ttlMs: 10_000 });
    await at.clock.advance(1_000);
    await other.release();
    await at.clock.advance(4_500);
    expect(await pool.inspect()).toMatchObject({ inUse: 0 });
    await using all = await pool.acquire({ count: 3, waitMs: 0 });
    expect(all.isValid()).toBe(true);
    expect(Object.keys(await extrasOf('a'))).toEqual([all.owner]);
  });

  it('are kept as long as they are held: both keys end together', async () => {
    const pool = locks.semaphore('a', { permits: 3 });
    await takeAndDie(pool, 2, 4_000);
    const other = await pool.acquire({ ttlMs: 10_000 });
    await other.release();
    const tag = '{lockstep:lock:a}:semaphore';
    expect([await pttl(`${tag}:holders`), await pttl(`${tag}:extras`)]).toEqual([4_000, 4_000]);
  });

  it('are all free at once, however many have died', async () => {
    const pool = locks.semaphore('a', { permits: 300 });
    for (let dead = 0; dead < 130; dead += 1) await takeAndDie(pool, 1, 1_000);
    await pool.acquire({ ttlMs: 60_000 });
    await at.clock.advance(5_000);
    const rest = await pool.tryAcquire({ count: 299 });
    expect(rest).not.toBeNull();
  });

  it('are not waited for, however many have died', async () => {
    const pool = locks.semaphore('a', { permits: 300 });
    for (let dead = 0; dead < 130; dead += 1) await takeAndDie(pool, 1, 1_000);
    await pool.acquire({ ttlMs: 60_000 });
    await at.clock.advance(500);
    const waiting = pool.acquire({ count: 299, waitMs: 60_000 });
    const start = at.clock.monotonic();
    let after = Infinity;
    const served = waiting.then(() => (after = at.clock.monotonic() - start));
    await at.clock.advance(6_000);
    expect(after).toBeLessThanOrEqual(550);
    await served;
  });

  it('leave nothing behind when the last holder that lives gives back', async () => {
    const pool = locks.semaphore('a', { permits: 300 });
    for (let dead = 0; dead < 110; dead += 1) await takeAndDie(pool, 2, 1_000);
    const living = await pool.acquire({ count: 2, ttlMs: 60_000 });
    await at.clock.advance(5_000);
    await living.release();
    expect(await extrasOf('a')).toEqual({});
    expect(await at.redis.client.exists('{lockstep:lock:a}:semaphore:holders')).toBe(0);
    expect(await pool.tryAcquire({ count: 300 })).not.toBeNull();
  });
});
