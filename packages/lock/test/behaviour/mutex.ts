import { isLockstepError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { rejectionOf, twoProcesses } from './setup.ts';

export function mutexBehaviour(harness: BehaviourHarness): void {
  describe('mutex', () => {
    const at = twoProcesses(harness);

    it('a second owner is refused until the first releases', async () => {
      const name = harness.uniqueName();
      const first = await at.ours.acquire(name);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect(await first.release()).toBe('released');
      const second = await at.theirs.tryAcquire(name);
      expect(second?.name).toBe(name);
      await second!.release();
    });

    it('a lease that is not renewed ends at its time to live, and another owner gets the lock', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 200, autoExtend: false });
      expect(lock.isValid()).toBe(true);
      await harness.advance(250);
      expect(lock.isValid()).toBe(false);
      expect(lock.signal.aborted).toBe(true);
      expect(() => lock.assertValid()).toThrow(/expired/);
      const next = await at.theirs.tryAcquire(name);
      expect(next!.fencingToken).toBeGreaterThan(lock.fencingToken);
      expect(await lock.release()).toBe('expired');
      expect(next!.isValid()).toBe(true);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      await next!.release();
    });

    it('release gives its first answer again', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      expect(await lock.release()).toBe('released');
      expect(await lock.release()).toBe('released');
      const expired = await at.ours.acquire(name, { ttlMs: 50, autoExtend: false });
      await harness.advance(100);
      expect(await expired.release()).toBe('expired');
      expect(await expired.release()).toBe('expired');
    });

    it('a released lease is not valid any more and its signal tells so', async () => {
      const lock = await at.ours.acquire(harness.uniqueName());
      const { signal } = lock;
      expect(signal.aborted).toBe(false);
      await lock.release();
      expect(lock.isValid()).toBe(false);
      expect(isLockstepError(signal.reason, 'LEASE_LOST') && signal.reason.reason).toBe('released');
    });

    it('expiresAt counts from before the request, less the drift allowance', async () => {
      const before = harness.clock.now();
      const lock = await at.ours.acquire(harness.uniqueName(), { ttlMs: 10_000 });
      expect(lock.expiresAt).toBeGreaterThanOrEqual(before + 10_000 - 102);
      expect(lock.expiresAt).toBeLessThanOrEqual(harness.clock.now() + 10_000 - 102);
      await lock.release();
    });

    it('await using releases, and disposing of a lost lease does not throw', async () => {
      const name = harness.uniqueName();
      {
        await using lock = await at.ours.acquire(name);
        expect(lock.isValid()).toBe(true);
      }
      {
        await using lock = await at.theirs.acquire(name, { waitMs: 0, ttlMs: 50, autoExtend: false });
        await harness.advance(100);
        expect(lock.isValid()).toBe(false);
      }
      const free = await at.ours.tryAcquire(name);
      expect(free).not.toBeNull();
      await free!.release();
    });

    it('withLock holds the lock while the work runs, gives its result and passes its error on', async () => {
      const name = harness.uniqueName();
      const result = await at.ours.withLock(name, { ttlMs: 5_000 }, async (lock) => {
        expect(await at.theirs.tryAcquire(name)).toBeNull();
        return lock.fencingToken;
      });
      expect(result).toBeGreaterThan(0);
      const failure = new Error('the work failed');
      const thrown = await rejectionOf(
        at.ours.withLock(name, {}, () => {
          throw failure;
        }),
      );
      expect(thrown).toBe(failure);
      await (await at.theirs.acquire(name, { waitMs: 0 })).release();
    });

    it('acquire with waitMs 0 says that the lock is busy and never stands in line', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      const error = await rejectionOf(at.theirs.acquire(name, { waitMs: 0 }));
      expect(isLockstepError(error, 'LOCK_TIMEOUT') && error.lock).toBe(name);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect((await at.ours.inspect(name)).waiters).toEqual([]);
      await lock.release();
    });

    it('locks of different names, locks prefixes and connection prefixes have nothing to do with one another', async () => {
      const name = harness.uniqueName();
      const elsewhere = at.more({ prefix: 'other:' });
      const foreign = await harness.connect({ prefix: 'another-environment:' });
      const { createLocks } = await import('@lockstep/lock');
      await using theirs = createLocks({ redis: foreign });
      const held = [
        await at.ours.tryAcquire(name),
        await at.ours.tryAcquire(`${name}.other`),
        await elsewhere.tryAcquire(name),
        await theirs.tryAcquire(name),
      ];
      expect(held.every((lock) => lock !== null)).toBe(true);
      await Promise.all(held.map((lock) => lock!.release()));
    });

    it('the lock key is connection prefix, locks prefix and name, and holds the owner', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      expect(await at.redis.client.get(`${at.redis.prefix}lock:${name}`)).toBe(lock.owner);
      await lock.release();
      expect(await at.redis.client.exists(`${at.redis.prefix}lock:${name}`)).toBe(0);
    });

    it('leaves nothing but its counter behind, and keys that expire', async () => {
      const name = harness.uniqueName();
      const base = `{${at.redis.prefix}lock:${name}}`;
      const lock = await at.ours.acquire(name, { metadata: { by: 'test' } });
      const late = rejectionOf(at.theirs.acquire(name, { waitMs: 100 }));
      await harness.advance(150);
      await late;
      await lock.release();
      for (const part of ['fence', 'gone']) {
        expect(await ttlOf(at.redis, `${base}:${part}`)).toBeGreaterThan(0);
      }
      const others = ['meta', 'waiters', 'alive', 'holds'].map((part) => `${base}:${part}`);
      expect(await at.redis.client.exists(...others)).toBe(0);
    });

    it('a signal that is aborted refuses the acquisition at once', async () => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      expect(await rejectionOf(at.ours.acquire(harness.uniqueName(), { signal }))).toBe(reason);
    });
  });
}

async function ttlOf(redis: { readonly client: unknown }, key: string): Promise<number> {
  return (redis.client as { pttl(key: string): Promise<number> }).pttl(key);
}
