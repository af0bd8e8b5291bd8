import { isLockstepError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, rejectionOf, settle, twoProcesses } from './setup.ts';

export function acquireAllBehaviour(harness: BehaviourHarness): void {
  describe('acquireAll', () => {
    const at = twoProcesses(harness);
    const threeNames = (): [string, string, string] => {
      const base = harness.uniqueName();
      return [`${base}.a`, `${base}.b`, `${base}.c`];
    };

    it('holds all of them, with a token above the last of each', async () => {
      const [a, b, c] = threeNames();
      const before = await at.theirs.acquire(b);
      await before.release();
      const all = await at.ours.acquireAll([c, a, b]);
      expect(all.isValid()).toBe(true);
      expect(all.fencingToken).toBeGreaterThan(before.fencingToken);
      for (const name of [a, b, c]) expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect(await all.release()).toBe('released');
      for (const name of [a, b, c]) {
        const next = await at.theirs.acquire(name, { waitMs: 0 });
        expect(next.fencingToken).toBeGreaterThan(all.fencingToken);
        await next.release();
      }
    });

    it('holds none when one is busy', async () => {
      const [a, b, c] = threeNames();
      const busy = await at.theirs.acquire(c);
      expect(await at.ours.all([a, b, c]).tryAcquire()).toBeNull();
      const waiting = rejectionOf(at.ours.acquireAll([a, b, c], { waitMs: 200 }));
      await harness.advance(400);
      expect(isLockstepError(await waiting, 'LOCK_TIMEOUT')).toBe(true);
      for (const name of [a, b]) await (await at.theirs.acquire(name, { waitMs: 0 })).release();
      await busy.release();
    });

    it('waits until all are free', async () => {
      const [a, b, c] = threeNames();
      const one = await at.theirs.acquire(a);
      const other = await at.theirs.acquire(c);
      const waiting = at.ours.acquireAll([a, b, c], { waitMs: 60_000 });
      await settle(harness);
      await one.release();
      expect(await isPending(harness, waiting)).toBe(true);
      await other.release();
      await (await waiting).release();
    });

    it('crossing requests in any order of names come to an end', async () => {
      const [a, b, c] = threeNames();
      const orders = [
        [a, b],
        [b, a],
        [b, c],
        [c, a],
        [a, b, c],
        [c, b, a],
      ];
      let served = 0;
      const rounds = orders.flatMap((names, index) =>
        [0, 1].map(async () => {
          const locks = index % 2 === 0 ? at.ours : at.theirs;
          await locks.all(names).withLock({ waitMs: 60_000 }, async () => {
            served += 1;
            await settle(harness);
          });
        }),
      );
      await Promise.all(rounds);
      expect(served).toBe(12);
    });

    it('is renewed as one, and lost when one of them is', async () => {
      const [a, b, c] = threeNames();
      const all = await at.ours.acquireAll([a, b, c], { ttlMs: 600 });
      await harness.advance(1_500);
      expect(all.isValid()).toBe(true);
      await at.theirs.forceRelease(b);
      await harness.advance(400);
      expect(all.isValid()).toBe(false);
      expect(all.signal.aborted).toBe(true);
      expect(await all.release()).toBe('expired');
      for (const name of [a, b, c]) await (await at.theirs.acquire(name, { waitMs: 0 })).release();
    });

    it('extend moves the deadline of all', async () => {
      const [a, b] = threeNames();
      const all = await at.ours.acquireAll([a, b], { ttlMs: 300, autoExtend: false });
      await all.extend(5_000);
      await harness.advance(500);
      expect(all.isValid()).toBe(true);
      for (const name of [a, b]) expect(await at.theirs.tryAcquire(name)).toBeNull();
      await all.release();
    });

    it('a signal ends the wait and leaves no place in any line', async () => {
      const [a, b] = threeNames();
      const busy = await at.theirs.acquire(b);
      const controller = new AbortController();
      const waiting = rejectionOf(at.ours.acquireAll([a, b], { waitMs: 60_000, signal: controller.signal }));
      await settle(harness);
      controller.abort(new Error('enough'));
      expect(await waiting).toMatchObject({ message: 'enough' });
      await settle(harness);
      for (const name of [a, b]) expect((await at.ours.inspect(name)).waiters).toEqual([]);
      await (await at.theirs.acquire(a, { waitMs: 0 })).release();
      await busy.release();
    });
  });
}
