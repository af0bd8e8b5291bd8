import { isLockstepError } from '@lockstep/core';
import { createLocks, type AcquireOptions, type Lockable, type LockHandle, type Locks } from '@lockstep/lock';
import type { Redis } from '@lockstep/redis';
import { callsOf, type CommandMatch } from '@lockstep/redis/memory';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renew } from '../src/scripts/renew.ts';
import { rejectionOf, silent } from './behaviour/setup.ts';

/** What every primitive offers, and every lease: the same cases for all of them. */

let at: MemoryConnection;
let locks: Locks;
let others: Locks;
beforeEach(async () => {
  at = await memoryConnection({ logger: silent, prefix: 'p:' });
  locks = createLocks({ redis: at.redis, logger: silent });
  others = createLocks({ redis: at.redis, logger: silent });
});
afterEach(() => at[Symbol.asyncDispose]());

interface Primitive {
  readonly title: string;
  /** Lives as long as the lease. */
  readonly key: string;
  readonly waiters: string;
  /** Keeps the primitive busy. */
  readonly block: () => Promise<LockHandle>;
  readonly lockable: (ttlMs: number) => Lockable;
}

/** Where the time to live is an option of each call. */
const withTtl = (make: () => Lockable) => (ttlMs: number) => {
  const inner = make();
  const lockable: Lockable = {
    acquire: (options) => inner.acquire({ ttlMs, ...options }),
    tryAcquire: (options) => inner.tryAcquire({ ttlMs, ...options }),
    withLock: (options, work) => inner.withLock({ ttlMs, ...options }, work),
  };
  return lockable;
};

const long = { ttlMs: 600_000 };
const mutexKeysOf = (name: string) => ({ key: `p:lock:${name}`, waiters: `{p:lock:${name}}:waiters` });
const permitKeysOf = (kind: string) => ({
  key: `{p:lock:a}:${kind}:holders`,
  waiters: `{p:lock:a}:${kind}:waiters`,
});

const primitives: Primitive[] = [
  {
    title: 'a mutex by name',
    ...mutexKeysOf('a'),
    block: () => others.acquire('a', long),
    lockable: withTtl(() => ({
      acquire: (options) => locks.acquire('a', options),
      tryAcquire: (options) => locks.tryAcquire('a', options),
      withLock: (options, work) => locks.withLock('a', options, work),
    })),
  },
  {
    title: 'a mutex',
    ...mutexKeysOf('a'),
    block: () => others.acquire('a', long),
    lockable: withTtl(() => locks.mutex('a')),
  },
  {
    title: 'a re-entrant lock',
    ...mutexKeysOf('a'),
    block: () => others.acquire('a', long),
    lockable: withTtl(() => locks.reentrant('a', 'us')),
  },
  {
    title: 'a reader',
    ...permitKeysOf('read-write'),
    block: () => others.readWrite('a').write(long),
    lockable: withTtl(() => locks.readWrite('a').read),
  },
  {
    title: 'a writer',
    ...permitKeysOf('read-write'),
    block: () => others.readWrite('a').read(long),
    lockable: withTtl(() => locks.readWrite('a').write),
  },
  {
    title: 'a permit',
    ...permitKeysOf('semaphore'),
    block: () => others.semaphore('a', { permits: 1 }).acquire(long),
    lockable: withTtl(() => locks.semaphore('a', { permits: 1 })),
  },
  {
    title: 'several mutexes',
    ...mutexKeysOf('b'),
    block: () => others.acquire('b', long),
    lockable: withTtl(() => locks.all(['a', 'b'])),
  },
  {
    title: 'leadership',
    key: '{p:lock:a}:leader',
    waiters: '{p:lock:a}:leader:waiters',
    block: () => others.election('a', long).campaign(),
    lockable: (ttlMs) => locks.election('a', { ttlMs }),
  },
];

/** Counts the scripts that are sent from now on. */
function countScripts({ client }: Redis, match: CommandMatch = () => true): () => number {
  let sent = 0;
  const commands = client as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ['evalsha', 'eval']) {
    const execute = commands[name]!.bind(client);
    commands[name] = (...args) => {
      if (match(name, args)) sent += 1;
      return execute(...args);
    };
  }
  return () => sent;
}

/** The data of this case alone: each has a memory of its own. */
const flush = async (): Promise<void> => {
  await (at.redis.client as unknown as { flushall(): Promise<unknown> }).flushall();
};
const exists = (...keys: string[]): Promise<number> => at.redis.client.exists(...keys);
const isTimeout = (error: unknown): boolean => isLockstepError(error, 'LOCK_TIMEOUT');
const isLost = (error: unknown): boolean => isLockstepError(error, 'LEASE_LOST');

describe.each(primitives)('$title', ({ key, waiters, block, lockable }) => {
  it('is a lease: name, owner, fencingToken, expiresAt, signal, isValid, assertValid', async () => {
    const first = await lockable(5_000).acquire();
    await first.release();
    const before = at.clock.now();
    const lock = await lockable(5_000).acquire();
    expect(lock.name).toMatch(/^(a|a, b)$/);
    expect(lock.owner).toMatch(/./);
    expect(Number.isSafeInteger(lock.fencingToken)).toBe(true);
    expect(lock.fencingToken).toBeGreaterThan(first.fencingToken);
    expect(lock.expiresAt).toBe(before + 5_000 - 52);
    expect([lock.signal.aborted, lock.isValid()]).toEqual([false, true]);
    lock.assertValid();
    await lock.release();
    expect([lock.signal.aborted, lock.isValid()]).toEqual([true, false]);
    expect(() => lock.assertValid()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
  });

  it('tryAcquire: null when it is busy, at once and without a place in the line', async () => {
    const blocker = await block();
    expect(await lockable(5_000).tryAcquire()).toBeNull();
    expect(await exists(waiters)).toBe(0);
    await blocker.release();
    const lock = await lockable(5_000).tryAcquire();
    expect(lock!.isValid()).toBe(true);
  });

  it('waitMs: 0 never stands in line; 300 stands there for so long, and leaves it', async () => {
    await block();
    expect(isTimeout(await rejectionOf(lockable(5_000).acquire({ waitMs: 0 })))).toBe(true);
    expect(await exists(waiters)).toBe(0);
    const waiting = rejectionOf(lockable(5_000).acquire({ waitMs: 300 }));
    await at.clock.advance(290);
    expect(await exists(waiters)).toBe(1);
    await at.clock.advance(20);
    expect(isTimeout(await waiting)).toBe(true);
    expect(await exists(waiters)).toBe(0);
  });

  it('a signal ends each of the three ways with its reason', async () => {
    await block();
    const reason = new Error('enough');
    const over = new AbortController();
    const options: AcquireOptions = { waitMs: Infinity, signal: over.signal };
    const waiting: Promise<unknown>[] = [
      rejectionOf(lockable(5_000).acquire(options)),
      rejectionOf(lockable(5_000).withLock(options, () => 'never')),
    ];
    await at.clock.advance(1_000);
    over.abort(reason);
    expect(await Promise.all(waiting)).toEqual([reason, reason]);
    expect(await rejectionOf(lockable(5_000).tryAcquire({ signal: over.signal }))).toBe(reason);
    await at.clock.advance(10);
    expect(await exists(waiters)).toBe(0);
  });

  it('withLock: its options count, the work has the lease, which ends after it', async () => {
    const blocker = await block();
    let ran = false;
    const refused = rejectionOf(lockable(700).withLock({ waitMs: 200 }, () => void (ran = true)));
    await at.clock.advance(210);
    expect([isTimeout(await refused), ran]).toEqual([true, false]);
    await blocker.release();
    const given = await lockable(700).withLock({ autoExtend: false }, async (lock) => {
      expect([lock.isValid(), lock.signal.aborted, await exists(key)]).toEqual([true, false, 1]);
      expect(lock.fencingToken).toBeGreaterThan(blocker.fencingToken);
      await at.clock.advance(690);
      // Neither renewed nor longer than the time to live.
      expect([lock.isValid(), lock.signal.aborted]).toEqual([false, true]);
      return 'result';
    });
    expect(given).toBe('result');
    const inTime = await lockable(700).withLock({}, (lock) => lock);
    expect([inTime.isValid(), await exists(key)]).toEqual([false, 0]);
  });

  it('extend: moves the deadline, and makes nothing that is gone', async () => {
    const lock = await lockable(1_000).acquire({ autoExtend: false });
    await lock.extend(8_000);
    expect(lock.expiresAt).toBe(at.clock.now() + 8_000 - 82);
    await at.clock.advance(7_000);
    expect([lock.isValid(), await exists(key)]).toEqual([true, 1]);
    await flush();
    expect(isLost(await rejectionOf(lock.extend(8_000)))).toBe(true);
    expect([lock.signal.aborted, lock.isValid(), await exists(key)]).toEqual([true, false, 0]);
  });

  it('release: one round trip; its first answer stands, also for a lease that ran out', async () => {
    // So that the server knows the scripts.
    await (await lockable(5_000).acquire()).release();
    const lock = await lockable(5_000).acquire();
    await at.clock.advance(50);
    const sent = countScripts(at.redis);
    expect(await lock.release()).toBe('released');
    expect(await lock.release()).toBe('released');
    // Of several locks one script each, in one write.
    expect(sent()).toBe(lock.name.split(', ').length);
    const expired = await lockable(100).acquire({ autoExtend: false });
    await at.clock.advance(200);
    expect(await expired.release()).toBe('expired');
    expect(await expired.release()).toBe('expired');
    await expired[Symbol.asyncDispose]();
  });

  it('renewal: twice per time to live or more, until release, dispose, loss or close', async () => {
    const renewals = countScripts(at.redis, callsOf(renew));
    const ends: ((lock: LockHandle) => PromiseLike<unknown>)[] = [
      (lock) => lock.release(),
      (lock) => lock[Symbol.asyncDispose](),
      flush,
      () => locks.close(),
    ];
    for (const end of ends) {
      const before = renewals();
      const lock = await lockable(900).acquire();
      await at.clock.advance(900);
      expect(renewals() - before).toBeGreaterThanOrEqual(2);
      await end(lock);
      // The loss is found by the next of them.
      await at.clock.advance(350);
      expect([lock.isValid(), lock.signal.aborted]).toEqual([false, true]);
      const after = renewals();
      await at.clock.advance(3_000);
      expect(renewals()).toBe(after);
    }
  });
});
