import { isLockstepError } from '@lockstep/core';
import { createLocks, type LockHandle, type LocksOptions } from '@lockstep/lock';
import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { describe, expect, it } from 'vitest';
import { indexLocks } from '../src/scripts/index-locks.ts';
import { raiseFence } from '../src/scripts/raise-fence.ts';
import { takeMutex } from '../src/scripts/take-mutex.ts';
import { rejectionOf, silent } from './behaviour/setup.ts';
import { MemoryMasters } from './quorum/memory-masters.ts';
import { countOf, settle, within } from './quorum/setup.ts';

async function open(options: Partial<LocksOptions> = {}) {
  const masters = new MemoryMasters(3);
  const connections = await masters.connect();
  const locks = createLocks({ redis: connections, logger: silent, onError: () => {}, ...options });
  const raw = connections.map(
    ({ client }) => client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>,
  );
  return { masters, connections, locks, raw, [Symbol.asyncDispose]: () => masters[Symbol.asyncDispose]() };
}

describe('a vote that is still under way at the release', () => {
  it('leaves no key, although the short script was not enough there', async () => {
    await using at = await open();
    const { masters, connections, locks, raw } = at;
    await (await locks.acquire('warm')).release();
    // Contention leaves this: a request that is refused, so that the short script sends to the whole.
    await raw[2]!['zadd']!('{q:lock:a}:gone', masters.clock.now() + 60_000, 'x~y~1');
    await masters.freeze(2);
    const lock = await locks.acquire('a', { ttlMs: 10_000 });
    await masters.advance(5);
    expect(await lock.release()).toBe('released');
    await masters.advance(95);
    await masters.thaw(2);
    await masters.advance(1_500);
    expect(await countOf(connections, 'q:lock:a')).toBe(0);
  });

  it('leaves no key, although its connection broke and it was sent again behind the release', async () => {
    await using at = await open();
    const { masters, connections, locks } = at;
    await (await locks.acquire('warm')).release();
    // Its reply is lost, and the one who sends it again is held up until the release has been answered.
    memoryFaults(connections[2]!).loseReply({ match: callsOf(takeMutex) });
    await masters.freeze(2);
    const lock = await locks.acquire('a', { ttlMs: 10_000 });
    const released = lock.release();
    await masters.advance(20);
    await masters.thaw(2);
    expect(await within(masters, 1_000, released)).toBe('released');
    await masters.advance(1_500);
    expect(await countOf(connections, 'q:lock:a')).toBe(0);
  });
});

it('a master that restarts empty is given a lock for as long as it lasts by then', async () => {
  await using at = await open();
  const { masters, locks, raw } = at;
  const lock = await locks.acquire('a', { ttlMs: 1_000 });
  await lock.extend(60_000);
  await masters.restartEmpty(0);
  await masters.advance(100);
  const ends = await Promise.all(raw.map((client) => client['pttl']!('q:lock:a')));
  for (const end of ends) expect(end).toBeGreaterThan(59_000);
  // So that another one may go the same way.
  await masters.advance(2_000);
  await masters.restartEmpty(1);
  await masters.advance(100);
  expect(lock.isValid()).toBe(true);
  await lock.release();
});

describe('one master that does not answer', () => {
  const listed = async (locks: ReturnType<typeof createLocks>): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of locks.list()) names.push(name);
    return names.sort();
  };

  it.each(['frozen', 'down'])('changes nothing that can be seen: %s', async (how) => {
    const told: unknown[] = [];
    await using at = await open({ onError: (_, context) => void told.push(context) });
    const { masters, connections, locks } = at;
    await (await locks.acquire('warm')).release();
    await masters.advance(50);
    if (how === 'frozen') await masters.freeze(2);
    else memoryFaults(connections[2]!).disconnect();
    const held: LockHandle[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      held.push(await locks.acquire(name, { ttlMs: 600_000 }));
      await masters.advance(1_000);
    }
    const permit = await locks.semaphore('s', { permits: 1 }).acquire();
    const others = createLocks({ redis: await masters.connect(), logger: silent, onError: () => {} });
    if (how === 'down') memoryFaults((await masters.connect())[2]!).disconnect();
    const start = masters.clock.monotonic();
    const elapsed = (): number => masters.clock.monotonic() - start;
    expect(await within(masters, 100, listed(others))).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(await within(masters, 100, listed(locks))).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(await within(masters, 100, locks.inspect('free'))).toMatchObject({ held: false });
    expect(await within(masters, 100, locks.semaphore('s', { permits: 1 }).inspect())).toMatchObject({
      inUse: 1,
      holders: [{ owner: permit.owner }],
    });
    expect(await within(masters, 100, others.forceRelease('a'))).toBe(true);
    expect(elapsed()).toBeLessThan(300);
    await settle(masters);
    expect(held[0]!.isValid()).toBe(false);
    // Once for the master, not for each lock.
    expect(told.length).toBeLessThanOrEqual(1);
    await masters.thaw(2);
    memoryFaults(connections[2]!).reconnect();
    await masters.advance(3_000);
  });

  it('has the names written that it missed, once it answers again', async () => {
    await using at = await open();
    const { masters, connections, locks } = at;
    await (await locks.acquire('warm')).release();
    await masters.advance(50);
    memoryFaults(connections[2]!).failNext(new Error('OOM command not allowed'), {
      match: callsOf(indexLocks),
      times: 20,
    });
    await locks.acquire('a', { ttlMs: 600_000 });
    await masters.advance(50);
    memoryFaults(connections[2]!).disconnect();
    await masters.advance(50);
    memoryFaults(connections[2]!).reconnect();
    // Whatever was planned for it is over.
    for (let turn = 0; turn < 30; turn += 1)
      await locks.acquire(`b-${turn}`, { ttlMs: 600_000 }).then(() => masters.advance(25));
    const bucketsOf = async (redis: (typeof connections)[number]): Promise<string[]> =>
      (await redis.client.keys('*index*:names')).sort();
    const names = async (redis: (typeof connections)[number]): Promise<unknown[]> => {
      const client = redis.client as unknown as { zrange(...args: unknown[]): Promise<string[]> };
      const pages = await Promise.all((await bucketsOf(redis)).map((key) => client.zrange(key, 0, -1)));
      return pages.flat().sort();
    };
    expect(await names(connections[2]!)).toContain('a');
    expect(await names(connections[2]!)).toEqual(await names(connections[0]!));
  });
});

describe('a majority that does not answer', () => {
  it('fails the list, the look at permits and the release by force, within half a second', async () => {
    await using at = await open();
    const { masters, locks } = at;
    await locks.acquire('a', { ttlMs: 600_000 });
    await masters.advance(50);
    await masters.freeze(1);
    await masters.freeze(2);
    const failing = [
      (async () => {
        for await (const held of locks.list()) expect(held.name).toBe('a');
      })(),
      locks.semaphore('s', { permits: 1 }).inspect(),
      locks.forceRelease('a'),
    ].map((one) => rejectionOf(one));
    for (const error of await within(masters, 600, Promise.all(failing)))
      expect(isLockstepError(error, 'REDIS_UNAVAILABLE')).toBe(true);
    await masters.thaw(1);
    await masters.thaw(2);
    await masters.advance(50);
  });

  it('when the token is written back is an outage, not a lock that is busy', async () => {
    await using at = await open();
    const { connections, locks, masters } = at;
    for (const redis of connections)
      memoryFaults(redis).failNext(new Error("READONLY You can't write against a read only replica."), {
        match: callsOf(raiseFence),
        times: 500,
      });
    const failed = rejectionOf(locks.tryAcquire('a', { ttlMs: 10_000 }));
    expect(isLockstepError(await within(masters, 3_000, failed), 'REDIS_UNAVAILABLE')).toBe(true);
  });
});

it('a counter that was evicted before the token is written back expires like any other', async () => {
  await using at = await open();
  const { masters, connections, raw } = at;
  const keptMs = async (fence: 'expiring' | 'durable', name: string): Promise<unknown> => {
    const locks = createLocks({ redis: connections, fence, logger: silent, onError: () => {} });
    await (await locks.acquire('warm')).release();
    const evicted = connections[0]!.client as unknown as Record<
      string,
      (...args: unknown[]) => Promise<unknown>
    >;
    const execute = evicted['evalsha']!;
    const isRaise = callsOf(raiseFence);
    evicted['evalsha'] = async (...args) => {
      if (isRaise('evalsha', args)) await raw[0]!['del']!(`{q:lock:${name}}:fence`);
      return execute(...args);
    };
    await locks.acquire(name, { ttlMs: 10_000 });
    evicted['evalsha'] = execute;
    await masters.advance(10);
    return raw[0]!['pttl']!(`{q:lock:${name}}:fence`);
  };
  expect(await keptMs('expiring', 'a')).toBeGreaterThan(7 * 24 * 3_600_000);
  expect(await keptMs('durable', 'b')).toBe(-1);
});

describe('a semaphore of several masters', () => {
  it('gives several permits at once, within what there are', async () => {
    await using at = await open();
    const { masters, locks, connections } = at;
    const others = createLocks({ redis: connections, logger: silent, onError: () => {} });
    const two = await locks.semaphore('s', { permits: 3 }).acquire({ count: 2 });
    await settle(masters);
    expect(
      await within(masters, 1_000, others.semaphore('s', { permits: 3 }).tryAcquire({ count: 2 })),
    ).toBeNull();
    await settle(masters);
    const one = await within(masters, 1_000, others.semaphore('s', { permits: 3 }).tryAcquire());
    expect(one).not.toBeNull();
    expect(await locks.semaphore('s', { permits: 3 }).inspect()).toMatchObject({ inUse: 3 });
    await two.release();
    await settle(masters);
    expect(
      await within(masters, 1_000, others.semaphore('s', { permits: 3 }).tryAcquire({ count: 2 })),
    ).not.toBeNull();
  });

  it('lets in more when there are more permits, and takes nothing when there are fewer', async () => {
    await using at = await open();
    const { masters, locks } = at;
    const pool = locks.semaphore('s', { permits: 1 });
    const held = [await pool.acquire()];
    await settle(masters);
    expect(await within(masters, 1_000, pool.tryAcquire())).toBeNull();
    pool.setPermits(2);
    held.push((await within(masters, 1_000, pool.tryAcquire()))!);
    pool.setPermits(1);
    await settle(masters);
    expect(held.map((permit) => permit.isValid())).toEqual([true, true]);
    await held[0]!.release();
    await settle(masters);
    expect(await within(masters, 1_000, pool.tryAcquire())).toBeNull();
    await held[1]!.release();
    await settle(masters);
    expect(await within(masters, 1_000, pool.tryAcquire())).not.toBeNull();
  });

  it('of two permits needs all three: with one master frozen it is out of reach, a mutex is not', async () => {
    await using at = await open();
    const { masters, locks } = at;
    await masters.freeze(2);
    const failed = rejectionOf(locks.semaphore('s', { permits: 2 }).tryAcquire({ ttlMs: 1_000 }));
    expect(isLockstepError(await within(masters, 1_000, failed), 'REDIS_UNAVAILABLE')).toBe(true);
    expect(await within(masters, 1_000, locks.tryAcquire('a'))).not.toBeNull();
    await masters.thaw(2);
    await masters.advance(1_000);
  });
});
