import { ManualClock, memoryConnection } from '@lockstep/testing';
import { createLocks, type Locks } from '@lockstep/lock';
import type { Redis } from '@lockstep/redis';
import { describe, expect, it } from 'vitest';
import { silent } from './behaviour/setup.ts';
import { Waiter } from '../src/waiter.ts';

type Commands = Record<'rpush' | 'zadd', (key: string, ...args: (string | number)[]) => Promise<unknown>>;

/** Places in the line of a process that hears its bell and does nothing. */
async function freeze(redis: Redis, line: string, clock: ManualClock, count: number): Promise<void> {
  const client = redis.client as unknown as Commands;
  for (let turn = 0; turn < count; turn += 1) {
    const waiter = `${redis.doorbell.channel} nobody~home~${turn}`;
    await client.rpush(`${line}:waiters`, waiter);
    await client.zadd(`${line}:alive`, clock.now() + 10_000, waiter);
  }
}

type Take = (locks: Locks) => Promise<{ release(): Promise<unknown> }>;

const kinds: [string, string, Take][] = [
  ['a mutex', '{lockstep:lock:a}', (locks) => locks.acquire('a', { waitMs: 60_000, ttlMs: 30_000 })],
  [
    'a semaphore',
    '{lockstep:lock:a}:semaphore',
    (locks) => locks.semaphore('a', { permits: 1 }).acquire({ waitMs: 60_000, ttlMs: 30_000 }),
  ],
];

describe.each(kinds)('frozen waiters in the line of %s', (_, line, take) => {
  it.each([1, 2, 3, 5])('%i in a row delay the next by a second each at most', async (count) => {
    await using at = await memoryConnection({ logger: silent });
    await using frozen = await memoryConnection({ name: at.name, clock: at.clock, logger: silent });
    // So that PUBLISH finds a receiver, as a stopped process is.
    frozen.redis.doorbell.on('nobody', () => {});
    await at.clock.advance(1);
    const locks = createLocks({ redis: at.redis, logger: silent });
    const lock = await take(locks);
    await freeze(frozen.redis, line, at.clock, count);
    const next = take(locks);
    await at.clock.advance(10);
    const start = at.clock.monotonic();
    let after = Infinity;
    const served = next.then(() => (after = at.clock.monotonic() - start));
    await lock.release();
    await at.clock.advance(count * 1_000);
    expect(after).toBeLessThanOrEqual(count * 1_000);
    await served;
  });

  it('one process frozen with the first place and the last does not hide the one between', async () => {
    await using at = await memoryConnection({ logger: silent });
    await using frozen = await memoryConnection({ name: at.name, clock: at.clock, logger: silent });
    frozen.redis.doorbell.on('nobody', () => {});
    await at.clock.advance(1);
    const locks = createLocks({ redis: at.redis, logger: silent });
    const lock = await take(locks);
    await freeze(frozen.redis, line, at.clock, 1);
    let after = Infinity;
    const next = take(locks);
    await at.clock.advance(10);
    const start = at.clock.monotonic();
    void next.then(() => (after = at.clock.monotonic() - start));
    const last = `${frozen.redis.doorbell.channel} nobody~home~last`;
    const client = frozen.redis.client as unknown as Commands;
    await client.rpush(`${line}:waiters`, last);
    await client.zadd(`${line}:alive`, at.clock.now() + 10_000, last);
    await lock.release();
    await at.clock.advance(1_000);
    expect(after).toBeLessThanOrEqual(1_000);
  });
});

describe('a sleep', () => {
  it('ends in time for what was asked before it began', async () => {
    const clock = new ManualClock();
    const waiter = new Waiter(clock);
    waiter.wakeWithin(800);
    await clock.advance(300);
    let wokeAt = Infinity;
    const slept = waiter.sleep(5_000).then(() => (wokeAt = clock.monotonic()));
    const start = clock.monotonic();
    await clock.advance(1_000);
    expect(wokeAt - start).toBe(500);
    await slept;
    // Asked for once.
    let again = Infinity;
    const from = clock.monotonic();
    const second = waiter.sleep(5_000).then(() => (again = clock.monotonic()));
    await clock.advance(6_000);
    expect(again - from).toBe(5_000);
    await second;
  });

  it('that ends before what was asked leaves it to the next', async () => {
    const clock = new ManualClock();
    const waiter = new Waiter(clock);
    const start = clock.monotonic();
    const short = waiter.sleep(100);
    waiter.wakeWithin(800);
    await clock.advance(100);
    await short;
    let wokeAt = Infinity;
    const long = waiter.sleep(5_000).then(() => (wokeAt = clock.monotonic()));
    await clock.advance(1_000);
    expect(wokeAt - start).toBe(800);
    await long;
  });
});
