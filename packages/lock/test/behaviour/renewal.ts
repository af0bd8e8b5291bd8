import { isLockstepError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { rejectionOf, settle, soon, twoProcesses } from './setup.ts';

export function renewalBehaviour(harness: BehaviourHarness): void {
  describe('renewal', () => {
    const at = twoProcesses(harness);

    it('keeps a lock far beyond its time to live', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 600 });
      await harness.advance(2_000);
      expect(lock.isValid()).toBe(true);
      expect(lock.signal.aborted).toBe(false);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect(await lock.release()).toBe('released');
    });

    it('stops at maxHoldMs', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 300, maxHoldMs: 700 });
      await harness.advance(500);
      expect(lock.isValid()).toBe(true);
      await harness.advance(300);
      expect(lock.isValid()).toBe(false);
      const next = await at.theirs.acquire(name, { waitMs: 0 });
      await next.release();
      await lock.release();
    });

    it('stops with the release', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 150 });
      await lock.release();
      const next = await at.theirs.acquire(name, { ttlMs: 200, autoExtend: false });
      await harness.advance(300);
      expect(await at.ours.inspect(name)).toMatchObject({ held: false });
      await next.release();
    });

    it('a lock taken away by force is lost by its holder at once', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 60_000 });
      const waiting = at.theirs.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      expect(await at.theirs.forceRelease(name)).toBe(true);
      const next = await waiting;
      await soon(harness, () => expect(lock.signal.aborted).toBe(true));
      expect(isLockstepError(lock.signal.reason, 'LEASE_LOST') && lock.signal.reason.reason).toBe('refused');
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      expect(await lock.release()).toBe('expired');
      await next.release();
      expect(await at.ours.forceRelease(name)).toBe(false);
    });

    it('a key that vanished is noticed by the next renewal and never made again', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 900 });
      await at.redis.client.del(`${at.redis.prefix}lock:${name}`);
      await harness.advance(400);
      expect(lock.isValid()).toBe(false);
      expect(await at.ours.inspect(name)).toMatchObject({ held: false });
      await lock.release();
    });

    it('extend moves the deadline both ways', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 400, autoExtend: false });
      await lock.extend(5_000);
      expect(lock.expiresAt).toBeGreaterThan(harness.clock.now() + 4_000);
      await harness.advance(500);
      expect(lock.isValid()).toBe(true);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      await lock.extend(200);
      await harness.advance(250);
      expect(lock.isValid()).toBe(false);
      expect(lock.signal.aborted).toBe(true);
      await (await at.theirs.acquire(name, { waitMs: 0 })).release();
      await lock.release();
    });

    it('extend of a lock that is not ours rejects and changes nothing', async () => {
      const name = harness.uniqueName();
      const key = `${at.redis.prefix}lock:${name}`;
      const gone = await at.ours.acquire(name, { ttlMs: 60_000 });
      await at.redis.client.del(key);
      const refused = await rejectionOf(gone.extend(60_000));
      expect(isLockstepError(refused, 'LEASE_LOST') && refused.reason).toBe('refused');
      expect(await at.redis.client.exists(key)).toBe(0);
      expect(gone.signal.aborted).toBe(true);

      const foreign = await at.ours.acquire(name, { ttlMs: 60_000 });
      await at.redis.client.set(key, 'somebody-else');
      expect(isLockstepError(await rejectionOf(foreign.extend(60_000)), 'LEASE_LOST')).toBe(true);
      expect(await foreign.release()).toBe('expired');
      expect(await at.redis.client.get(key)).toBe('somebody-else');
      await at.redis.client.del(key);
    });

    it('extend of an expired lock rejects without asking', async () => {
      const lock = await at.ours.acquire(harness.uniqueName(), { ttlMs: 50, autoExtend: false });
      await harness.advance(100);
      const error = await rejectionOf(lock.extend(1_000));
      expect(isLockstepError(error, 'LEASE_LOST') && error.reason).toBe('expired');
    });

    it('renews hundreds of locks together', async () => {
      const names = Array.from({ length: 250 }, () => harness.uniqueName());
      const held = await Promise.all(names.map((name) => at.ours.acquire(name, { ttlMs: 3_000 })));
      await harness.advance(3_500);
      expect(held.filter((lock) => !lock.isValid())).toEqual([]);
      await Promise.all(held.map((lock) => lock.release()));
    });
  });
}
