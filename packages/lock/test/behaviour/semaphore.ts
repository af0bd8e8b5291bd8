import { isLockstepError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, rejectionOf, settle, twoProcesses } from './setup.ts';

export function semaphoreBehaviour(harness: BehaviourHarness): void {
  describe('semaphore', () => {
    const at = twoProcesses(harness);

    it('lets in as many as there are permits', async () => {
      const name = harness.uniqueName();
      const ours = at.ours.semaphore(name, { permits: 2 });
      const theirs = at.theirs.semaphore(name, { permits: 2 });
      const first = await ours.acquire();
      const second = await theirs.acquire();
      expect(await ours.tryAcquire()).toBeNull();
      await first.release();
      const third = await ours.acquire({ waitMs: 0 });
      expect(third.fencingToken).toBeGreaterThan(second.fencingToken);
      await Promise.all([second.release(), third.release()]);
      expect(await ours.inspect()).toEqual({ inUse: 0, holders: [], waiters: [] });
    });

    it('gives several permits at once or none', async () => {
      const name = harness.uniqueName();
      const pool = at.ours.semaphore(name, { permits: 5 });
      const three = await pool.acquire({ count: 3, metadata: { job: 'import' } });
      expect(await pool.tryAcquire({ count: 3 })).toBeNull();
      const two = await pool.acquire({ count: 2, waitMs: 0 });
      expect(await pool.inspect()).toMatchObject({
        inUse: 5,
        holders: expect.arrayContaining([
          expect.objectContaining({ owner: three.owner, count: 3, metadata: { job: 'import' } }),
        ]) as unknown,
      });
      await three.release();
      await (await pool.acquire({ count: 3, waitMs: 0 })).release();
      await two.release();
      const error = await rejectionOf(pool.acquire({ count: 6 }));
      expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe('options.count');
    });

    it('a large request at the head of the line is not starved by small ones', async () => {
      const name = harness.uniqueName();
      const pool = at.ours.semaphore(name, { permits: 3 });
      const one = await pool.acquire();
      const two = await pool.acquire();
      const large = at.theirs.semaphore(name, { permits: 3 }).acquire({ count: 3, waitMs: 60_000 });
      await settle(harness);
      expect(await pool.tryAcquire()).toBeNull();
      await one.release();
      expect(await isPending(harness, large)).toBe(true);
      await two.release();
      await (await large).release();
    });

    it('a permit whose holder died comes back at its deadline', async () => {
      const name = harness.uniqueName();
      const pool = at.ours.semaphore(name, { permits: 1 });
      await pool.acquire({ ttlMs: 250, autoExtend: false });
      const waiting = at.theirs.semaphore(name, { permits: 1 }).acquire({ waitMs: 60_000 });
      expect(await isPending(harness, waiting)).toBe(true);
      await harness.advance(400);
      await (await waiting).release();
    });

    it('a permit is renewed while it is held, and extend moves its deadline', async () => {
      const pool = at.ours.semaphore(harness.uniqueName(), { permits: 1 });
      const renewed = await pool.acquire({ ttlMs: 300 });
      await harness.advance(1_000);
      expect(renewed.isValid()).toBe(true);
      await renewed.release();
      const extended = await pool.acquire({ ttlMs: 300, autoExtend: false });
      await extended.extend(5_000);
      await harness.advance(500);
      expect(extended.isValid()).toBe(true);
      expect(await pool.tryAcquire()).toBeNull();
      expect(await extended.release()).toBe('released');
    });

    it('more permits let waiters in, fewer take nothing from those who hold', async () => {
      const name = harness.uniqueName();
      const pool = at.ours.semaphore(name, { permits: 2 });
      const held = [await pool.acquire(), await pool.acquire()];
      pool.setPermits(3);
      expect(pool.permits).toBe(3);
      held.push(await pool.acquire({ waitMs: 0 }));
      pool.setPermits(1);
      expect(held.every((permit) => permit.isValid())).toBe(true);
      await held[0]!.release();
      await held[1]!.release();
      expect(await pool.tryAcquire()).toBeNull();
      await held[2]!.release();
      await (await pool.acquire({ waitMs: 0 })).release();
    });

    it('waiters are served in the order of their coming and chained when several permits free up', async () => {
      const name = harness.uniqueName();
      const pool = at.ours.semaphore(name, { permits: 3 });
      const all = await pool.acquire({ count: 3 });
      const order: number[] = [];
      const waiting = [0, 1, 2].map(async (turn) => {
        const locks = turn % 2 === 0 ? at.ours : at.theirs;
        const permit = await locks.semaphore(name, { permits: 3 }).acquire({ waitMs: 60_000 });
        order.push(turn);
        return permit;
      });
      await settle(harness);
      await all.release();
      const permits = await Promise.all(waiting);
      expect(permits).toHaveLength(3);
      expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
      await Promise.all(permits.map((permit) => permit.release()));
    });

    it('withLock holds a permit while the work runs', async () => {
      const pool = at.ours.semaphore(harness.uniqueName(), { permits: 1 });
      expect(await pool.withLock({}, async () => (await pool.tryAcquire()) === null)).toBe(true);
      expect((await pool.inspect()).inUse).toBe(0);
    });
  });
}
