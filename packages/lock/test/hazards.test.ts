import { isLockstepError, systemClock } from '@lockstep/core';
import { createLocks, type LockHandle } from '@lockstep/lock';
import { connect, scriptCall, type Redis } from '@lockstep/redis';
import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { ManualClock, memoryConnection } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { Claim } from '../src/claim.ts';
import type { Grantor } from '../src/grantor.ts';
import { mutexKeys } from '../src/keys.ts';
import { LeaseState } from '../src/lease-state.ts';
import { Renewals } from '../src/renewals.ts';
import { acquireMutex } from '../src/scripts/acquire-mutex.ts';
import { freeMutex } from '../src/scripts/free-mutex.ts';
import { releaseMutex } from '../src/scripts/release-mutex.ts';
import { renew } from '../src/scripts/renew.ts';
import { takeMutex } from '../src/scripts/take-mutex.ts';
import { rejectionOf, silent } from './behaviour/setup.ts';

const quiet = { logger: silent, onError: (): void => {} };

describe('a lost reply', () => {
  it('of an acquisition costs a reconnect, not the time to live', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    memoryFaults(at.redis).loseReply({ match: callsOf(takeMutex) });
    const start = at.clock.monotonic();
    const acquiring = locks.acquire('a', { ttlMs: 30_000 });
    await at.clock.advance(100);
    const lock = await acquiring;
    expect(at.clock.monotonic() - start).toBeLessThanOrEqual(100);
    expect(lock.fencingToken).toBe(Number(await at.redis.client.get('{lockstep:lock:a}:fence')));
    expect(await lock.release()).toBe('released');
    expect(await locks.inspect('a')).toMatchObject({ held: false });
  });

  it('of a release gives the first answer', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    for (const [script, options] of [
      [freeMutex, {}],
      [releaseMutex, { metadata: 'so that the whole script runs' }],
    ] as const) {
      const lock = await locks.acquire('a', options);
      memoryFaults(at.redis).loseReply({ match: callsOf(script) });
      const releasing = lock.release();
      await at.clock.advance(100);
      expect(await releasing).toBe('released');
    }
  });

  it('of the release of an expired lock does not make it released', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 50, autoExtend: false });
    await at.clock.advance(60);
    memoryFaults(at.redis).loseReply({ match: callsOf(freeMutex) });
    const releasing = lock.release();
    await at.clock.advance(100);
    expect(await releasing).toBe('expired');
  });

  it('of a renewal does no harm', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 3_000 });
    memoryFaults(at.redis).loseReply({ match: callsOf(renew), times: 2 });
    await at.clock.advance(10_000);
    expect(lock.isValid()).toBe(true);
    await lock.release();
  });
});

describe('a copy of an acquisition that arrives late', () => {
  /** Sends a request again as the network would: the same keys and arguments. */
  function copiesOf(redis: Redis, name: string, lock: Pick<LockHandle, 'owner'>) {
    const keys = mutexKeys(`${redis.prefix}lock:${name}`);
    const common = { owner: lock.owner, ttl_ms: 10_000, keep_ms: 60_000, touch: '1' };
    const more = { channel: '', metadata: '', announce: '', least: 0, exact: '1' };
    return [
      () => redis.runAll([scriptCall(takeMutex, keys, common), scriptCall(takeMutex, keys, common)]),
      () => redis.runAll([scriptCall(acquireMutex, keys, { ...common, ...more })]),
    ];
  }

  it('is refused after the request was given up', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const holder = await locks.acquire('a');
    const waiting = rejectionOf(locks.acquire('a', { waitMs: 100 }));
    await at.clock.advance(0);
    const { waiters } = await locks.inspect('a');
    await at.clock.advance(150);
    await waiting;
    await holder.release();
    for (const copy of copiesOf(at.redis, 'a', waiters[0]!)) await copy();
    expect(await locks.inspect('a')).toMatchObject({ held: false });
  });

  it('is refused after the release of a request whose reply had been lost', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    memoryFaults(at.redis).loseReply({ match: callsOf(takeMutex) });
    const acquiring = locks.acquire('a');
    await at.clock.advance(100);
    const lock = await acquiring;
    await lock.release();
    for (const copy of copiesOf(at.redis, 'a', lock)) await copy();
    expect(await locks.inspect('a')).toMatchObject({ held: false });
  });

  it('gives the first grant while the lock is held', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a');
    for (const copy of copiesOf(at.redis, 'a', lock)) await copy();
    expect(await locks.inspect('a')).toMatchObject({ owner: lock.owner, fencingToken: lock.fencingToken });
    await lock.release();
  });
});

describe('Redis out of reach', () => {
  it('a lock is lost just before its deadline, and told again at once after the reconnect', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 2_000 });
    const { expiresAt } = lock;
    let abortedAt = 0;
    lock.signal.addEventListener('abort', () => (abortedAt = at.clock.now()));
    memoryFaults(at.redis).disconnect();
    await at.clock.advance(9_000);
    expect(abortedAt).toBeGreaterThanOrEqual(expiresAt - 50);
    expect(abortedAt).toBeLessThanOrEqual(expiresAt);
    expect(lock.isValid()).toBe(false);
    memoryFaults(at.redis).reconnect();
    await at.clock.advance(100);
    expect(await lock.release()).toBe('expired');
  });

  it('a lock that was taken meanwhile is given up at the reconnect, before its deadline', async () => {
    await using at = await memoryConnection({ logger: silent });
    await using other = await memoryConnection({ name: at.name, clock: at.clock });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 60_000 });
    memoryFaults(at.redis).disconnect();
    await at.clock.advance(100);
    await other.redis.client.del('lockstep:lock:a');
    memoryFaults(at.redis).reconnect();
    await at.clock.advance(50);
    expect(isLockstepError(lock.signal.reason, 'LEASE_LOST') && lock.signal.reason.reason).toBe('refused');
  });

  it('an acquisition says so within its deadline, and one that waits lives through it', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    await (await locks.acquire('warm')).release();
    memoryFaults(at.redis).disconnect();
    const now = rejectionOf(locks.tryAcquire('a'));
    const waiting = locks.acquire('b', { waitMs: 60_000 });
    await at.clock.advance(2_100);
    expect(isLockstepError(await now, 'REDIS_UNAVAILABLE')).toBe(true);
    await at.clock.advance(10_000);
    memoryFaults(at.redis).reconnect();
    await at.clock.advance(1_000);
    await (await waiting).release();
  });

  it('when the wait ends during the outage the reason is the outage', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    memoryFaults(at.redis).disconnect();
    const waiting = rejectionOf(locks.acquire('a', { waitMs: 3_000 }));
    await at.clock.advance(10_000);
    expect(isLockstepError(await waiting, 'REDIS_UNAVAILABLE')).toBe(true);
    memoryFaults(at.redis).reconnect();
    await at.clock.advance(1_000);
  });

  it('a renewal that fails is told once, shown by health, and tried again', async () => {
    await using at = await memoryConnection({ logger: silent });
    const told: unknown[] = [];
    const locks = createLocks({ redis: at.redis, logger: silent, onError: (error) => told.push(error) });
    const lock = await locks.acquire('a', { ttlMs: 6_000 });
    memoryFaults(at.redis).failNext(new Error("READONLY You can't write against a read only replica."), {
      match: callsOf(renew),
      times: 200,
    });
    await at.clock.advance(5_000);
    expect(told).toHaveLength(1);
    expect(await locks.health()).toMatchObject({ status: 'degraded' });
    expect(lock.isValid()).toBe(true);
    await at.clock.advance(500);
    memoryFaults(at.redis).reconnect();
  });

  it('a waiter whose messages are lost looks again after each gap', async () => {
    await using at = await memoryConnection({ logger: silent });
    await using other = await memoryConnection({ name: at.name, clock: at.clock });
    const holder = await createLocks({ redis: other.redis, ...quiet }).acquire('a', { ttlMs: 60_000 });
    const waiting = createLocks({ redis: at.redis, ...quiet }).acquire('a', { waitMs: 60_000 });
    await at.clock.advance(10);
    memoryFaults(at.redis).disconnect();
    await holder.release();
    memoryFaults(at.redis).reconnect();
    await at.clock.advance(100);
    await (await waiting).release();
  });
});

describe('clocks', () => {
  /** A server with a clock of its own, and a process whose wall clock can be stepped. */
  async function twoClocks() {
    const server = new ManualClock();
    const local = new ManualClock();
    const first = await memoryConnection({ clock: server, logger: silent });
    const second = await memoryConnection({ name: first.name, clock: local, logger: silent });
    return {
      redis: second.redis,
      local,
      async advance(ms: number): Promise<void> {
        for (let passed = 0; passed < ms; passed += 10)
          await Promise.all([server.advance(10), local.advance(10)]);
      },
      async [Symbol.asyncDispose]() {
        await second[Symbol.asyncDispose]();
        await first[Symbol.asyncDispose]();
      },
    };
  }

  it('an hour back makes no dead lock valid and no live one lost', async () => {
    await using at = await twoClocks();
    const locks = createLocks({ redis: at.redis, ...quiet });
    const dead = await locks.acquire('dead', { ttlMs: 1_000, autoExtend: false });
    const live = await locks.acquire('live', { ttlMs: 1_000 });
    at.local.stepWall(-3_600_000);
    await at.advance(1_500);
    expect([dead.isValid(), live.isValid()]).toEqual([false, true]);
    expect([dead.signal.aborted, live.signal.aborted]).toEqual([true, false]);
    expect(await live.release()).toBe('released');
  });

  it('an hour forth makes a lock invalid until Redis confirms it, and does not end it', async () => {
    await using at = await twoClocks();
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 1_000 });
    at.local.stepWall(3_600_000);
    expect(lock.isValid()).toBe(false);
    await at.advance(400);
    expect(lock.isValid()).toBe(true);
    expect(lock.signal.aborted).toBe(false);
    await at.advance(3_000);
    expect(lock.isValid()).toBe(true);
    expect(await lock.release()).toBe('released');
  });

  it.each([-3_600_000, 3_600_000])(
    'a step of %d ms refuses no extend of a lock that is held',
    async (step) => {
      await using at = await twoClocks();
      const locks = createLocks({ redis: at.redis, ...quiet });
      const lock = await locks.acquire('a', { ttlMs: 1_000, autoExtend: false });
      at.local.stepWall(step);
      await lock.extend(2_000);
      expect(lock.isValid()).toBe(true);
      await at.advance(1_500);
      expect(lock.isValid()).toBe(true);
      expect(await locks.inspect('a')).toMatchObject({ owner: lock.owner });
      await at.advance(500);
      expect(isLockstepError(await rejectionOf(lock.extend(2_000)), 'LEASE_LOST')).toBe(true);
      expect(await locks.inspect('a')).toMatchObject({ held: false });
    },
  );

  it('a suspended machine finds its lock lost', async () => {
    await using at = await twoClocks();
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 1_000 });
    // The wall clock went on, the monotonic one stood still, and Redis forgot the lock.
    at.local.stepWall(60_000);
    await at.redis.client.del('lockstep:lock:a');
    expect(lock.isValid()).toBe(false);
    await at.advance(400);
    expect(lock.signal.aborted).toBe(true);
  });
});

describe('a stalled event loop', () => {
  it('finds its locks lost in the first timer phase, and invalid before it', async () => {
    const redis = await connect('memory://lock-stall', { logger: silent });
    const locks = createLocks({ redis, ...quiet });
    const renewed = await locks.acquire('renewed', { ttlMs: 150 });
    const plain = await locks.acquire('plain', { ttlMs: 150, autoExtend: false });
    const { signal } = renewed;
    const end = systemClock.monotonic() + 320;
    while (systemClock.monotonic() < end);
    expect([renewed.isValid(), plain.isValid()]).toEqual([false, false]);
    expect(() => renewed.assertValid()).toThrow(/expired/);
    // Timers come before immediates once the loop goes on.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect([signal.aborted, plain.signal.aborted]).toEqual([true, true]);
    await redis.close();
  });
});

describe('renewal racing release', () => {
  it('leaves no key and no timer', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    await (await locks.acquire('warm')).release();
    const before = at.clock.pendingTimers;
    for (let round = 0; round < 200; round += 1) {
      const lock = await locks.acquire('a', { ttlMs: 30 });
      const advancing = at.clock.advance(10 + (round % 3));
      const released = lock.release();
      await advancing;
      expect(await released).toBe('released');
    }
    expect(await at.redis.client.exists('lockstep:lock:a')).toBe(0);
    expect(at.clock.pendingTimers).toBe(before);
    expect(await locks.stats()).toMatchObject({ held: 0, lost: 0 });
  });
});

describe('a renewal on its way', () => {
  it('does not undo an extend', async () => {
    await using at = await memoryConnection({ logger: silent });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const lock = await locks.acquire('a', { ttlMs: 3_000 });
    await lock.extend(60_000);
    const [item] = [mutexKeys('lockstep:lock:a')];
    const { lock: primary, holds, fence, meta } = item!;
    const late = {
      restKeys: [primary, holds, fence, meta],
      restArgs: ['m', lock.owner, lock.owner, 3_000, '0', '0'],
    };
    await at.redis.runAll([scriptCall(renew, {}, {}, late)]);
    await at.clock.advance(10_000);
    expect(await locks.inspect('a')).toMatchObject({ held: true });
    expect(lock.isValid()).toBe(true);
    await lock.release();
  });
});

describe('very many leases', () => {
  it('are renewed in one round', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const renewals = new Renewals({
      clock,
      grantor: {
        renew: (asks: readonly unknown[]) => {
          asked = asks.length;
          return Promise.resolve(asks.map(() => 'renewed' as const));
        },
      } as unknown as Grantor,
      commandTimeoutMs: 2_000,
      onDue: () => {},
      onRenewed: () => {},
      onUnanswered: () => {},
      onLost: () => {},
      onFailure: () => {},
      note: () => {},
    });
    const claim = { name: 'a', ttlMs: 30_000 } as Claim;
    const sentAt = { wall: clock.now(), monotonic: clock.monotonic() };
    const parts = { claim, clock, fencingToken: 1, sentAt, autoExtend: true, maxHoldMs: Infinity };
    for (let lease = 0; lease < 150_000; lease += 1) renewals.add(new LeaseState(parts));
    await clock.advance(10_000);
    expect(asked).toBe(150_000);
    renewals.close();
  });
});
