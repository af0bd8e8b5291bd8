import { isLockstepError } from '@lockstep/core';
import { createLocks } from '@lockstep/lock';
import { callsOf, memoryFaults, type CommandMatch } from '@lockstep/redis/memory';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LockEngine } from '../src/engine.ts';
import { resolveLocksOptions } from '../src/options.ts';
import type { Lockable } from '../src/primitive.ts';
import { freeMutex } from '../src/scripts/free-mutex.ts';
import { raiseFence } from '../src/scripts/raise-fence.ts';
import { releaseMutex } from '../src/scripts/release-mutex.ts';
import { sequentialLock } from '../src/sequential-lock.ts';
import { rejectionOf, silent } from './behaviour/setup.ts';

/** What `acquireAll` does on Cluster, where no script reaches all keys. */
describe('locks taken one after the other', () => {
  let at: MemoryConnection;
  let engine: LockEngine;
  let several: Lockable;
  let others: ReturnType<typeof createLocks>;
  const told: unknown[] = [];
  const keyOf = (name: string): string => `lockstep:lock:${name}`;

  beforeAll(async () => {
    at = await memoryConnection({ logger: silent });
    const onError = (error: unknown): void => void told.push(error);
    engine = new LockEngine(resolveLocksOptions({ redis: at.redis, logger: silent, onError }));
    several = sequentialLock(engine, 'a, b, c', ['a', 'b', 'c']);
    others = createLocks({ redis: at.redis, logger: silent });
  });
  afterAll(() => at[Symbol.asyncDispose]());

  it('are all held, under one token above the last of each', async () => {
    const before = await others.acquire('b');
    await before.release();
    const all = await several.acquire();
    expect(all.name).toBe('a, b, c');
    expect(all.owner).toBe(((await others.inspect('a')) as { owner: string }).owner);
    expect(all.isValid()).toBe(true);
    all.assertValid();
    for (const name of ['a', 'b', 'c']) expect(await others.tryAcquire(name)).toBeNull();
    expect(await all.release()).toBe('released');
    for (const name of ['a', 'b', 'c']) {
      const next = await others.acquire(name, { waitMs: 0 });
      expect(next.fencingToken).toBeGreaterThan(Math.max(all.fencingToken, before.fencingToken));
      await next.release();
    }
  });

  it('are none when one is busy', async () => {
    const busy = await others.acquire('c');
    expect(await several.tryAcquire()).toBeNull();
    const waiting = rejectionOf(several.acquire({ waitMs: 200 }));
    await at.clock.advance(400);
    expect(isLockstepError(await waiting, 'LOCK_TIMEOUT')).toBe(true);
    const now = await rejectionOf(several.acquire({ waitMs: 0 }));
    expect(isLockstepError(now, 'LOCK_TIMEOUT') && now.message).toContain('a, b, c');
    for (const name of ['a', 'b']) expect(await at.redis.client.exists(keyOf(name))).toBe(0);
    await busy.release();
  });

  it('share what is left of the wait', async () => {
    const [first, second] = [await others.acquire('a'), await others.acquire('b')];
    const waiting = rejectionOf(several.acquire({ waitMs: 300 }));
    await at.clock.advance(200);
    await first.release();
    await at.clock.advance(150);
    expect(isLockstepError(await waiting, 'LOCK_TIMEOUT')).toBe(true);
    await second.release();
  });

  it('are extended and renewed together, and end with the first that is lost', async () => {
    const all = await several.acquire({ ttlMs: 1_000 });
    await at.clock.advance(3_000);
    await all.extend(60_000);
    expect(all.expiresAt).toBeGreaterThan(at.clock.now() + 50_000);
    expect(all.signal.aborted).toBe(false);
    await at.redis.client.del(keyOf('b'));
    expect(isLockstepError(await rejectionOf(all.extend(60_000)), 'LEASE_LOST')).toBe(true);
    expect(all.signal.aborted).toBe(true);
    expect(all.isValid()).toBe(false);
    expect(() => all.assertValid()).toThrow(/lease/);
    expect(await all.release()).toBe('expired');
    await all[Symbol.asyncDispose]();
    for (const name of ['a', 'b', 'c']) expect(await at.redis.client.exists(keyOf(name))).toBe(0);
  });

  it('are taken again when one ran out before the last was there', async () => {
    const busy = await others.acquire('c', { ttlMs: 60_000 });
    const waiting = several.acquire({ ttlMs: 500, waitMs: 10_000, autoExtend: false });
    await at.clock.advance(2_000);
    await busy.release();
    await at.clock.advance(100);
    const all = await waiting;
    expect(all.isValid()).toBe(true);
    for (const name of ['a', 'b', 'c']) expect(await others.tryAcquire(name)).toBeNull();
    expect(await all.release()).toBe('released');
  });

  it('are not given out with one that ran out, though there is nothing to tell it', async () => {
    const pair = sequentialLock(engine, 'd, e', ['d', 'e']);
    // The first has the largest token, so that it is not asked again.
    const ahead = (at.clock.now() + 3_600_000) * 1_000;
    await at.redis.client.set('{lockstep:lock:d}:fence', String(ahead));
    const busy = await others.acquire('e', { ttlMs: 60_000 });
    const waiting = pair.acquire({ ttlMs: 500, waitMs: 10_000, autoExtend: false });
    await at.clock.advance(2_000);
    await busy.release();
    await at.clock.advance(100);
    const both = await waiting;
    expect(both.isValid()).toBe(true);
    expect(both.fencingToken).toBeGreaterThan(ahead + 1);
    expect(await both.release()).toBe('released');
  });

  it('are busy when one ran out and no time is left; the error names them all', async () => {
    const busy = await others.acquire('c', { ttlMs: 60_000 });
    const waiting = rejectionOf(several.acquire({ ttlMs: 300, waitMs: 1_000, autoExtend: false }));
    await at.clock.advance(1_100);
    const error = await waiting;
    expect(isLockstepError(error, 'LOCK_TIMEOUT') && [error.lock, error.waitedMs]).toEqual([
      'a, b, c',
      1_000,
    ]);
    await busy.release();
    for (const name of ['a', 'b', 'c']) expect(await at.redis.client.exists(keyOf(name))).toBe(0);
  });

  it('are not given out when one is lost while the common token is told', async () => {
    // So that the tokens differ.
    await (await others.acquire('c')).release();
    memoryFaults(at.redis).loseReply({ match: callsOf(raiseFence), times: 2 });
    const acquiring = several.acquire({ ttlMs: 20, waitMs: 5_000, autoExtend: false });
    const wasValid = acquiring.then((all) => all.isValid());
    await at.clock.advance(400);
    expect(await wasValid).toBe(true);
    await (await acquiring).release();
  });

  it('run work and are given back after it', async () => {
    const held = await several.withLock({}, async (all) => {
      expect(all.isValid()).toBe(true);
      return at.redis.client.exists(keyOf('a'), keyOf('b'), keyOf('c'));
    });
    expect(held).toBe(3);
    expect(await at.redis.client.exists(keyOf('a'), keyOf('b'), keyOf('c'))).toBe(0);
  });

  it('are given back when the common token cannot be told', async () => {
    // So that the tokens differ.
    await (await others.acquire('c')).release();
    memoryFaults(at.redis).failNext(new Error('OOM command not allowed'), { match: callsOf(raiseFence) });
    await rejectionOf(several.acquire());
    expect(await at.redis.client.exists(keyOf('a'), keyOf('b'), keyOf('c'))).toBe(0);
  });

  it('tell of one that could not be given back', async () => {
    const busy = await others.acquire('b');
    const releases: CommandMatch = (command, args) =>
      callsOf(freeMutex)(command, args) || callsOf(releaseMutex)(command, args);
    memoryFaults(at.redis).failNext(new Error('OOM command not allowed'), { match: releases });
    told.length = 0;
    expect(await several.tryAcquire({ ttlMs: 1_000, autoExtend: false })).toBeNull();
    expect(told).toHaveLength(1);
    await busy.release();
    await at.clock.advance(1_000);
  });
});
