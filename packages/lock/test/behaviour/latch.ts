import { isLockstepError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, rejectionOf, settle, twoProcesses } from './setup.ts';

export function latchBehaviour(harness: BehaviourHarness): void {
  describe('latch', () => {
    const at = twoProcesses(harness);

    it('opens for everyone once it is counted down', async () => {
      const name = harness.uniqueName();
      const ours = at.ours.latch(name, 3);
      const theirs = at.theirs.latch(name, 3);
      const waiting = [ours.wait({ waitMs: 60_000 }), theirs.wait({ waitMs: 60_000 }), theirs.wait()];
      expect(await isPending(harness, Promise.race(waiting))).toBe(true);
      expect(await ours.countDown()).toBe(2);
      expect(await theirs.countDown()).toBe(1);
      expect(await isPending(harness, Promise.race(waiting))).toBe(true);
      expect(await ours.countDown()).toBe(0);
      await Promise.all(waiting);
      await theirs.wait({ waitMs: 0 });
      expect(await theirs.countDown()).toBe(0);
      expect(await ours.left()).toBe(0);
    });

    it('gives up waiting after waitMs, or when the signal aborts', async () => {
      const latch = at.ours.latch(harness.uniqueName(), 1);
      const late = rejectionOf(latch.wait({ waitMs: 200 }));
      await harness.advance(300);
      expect(isLockstepError(await late, 'OPERATION_TIMEOUT')).toBe(true);
      const controller = new AbortController();
      const aborted = rejectionOf(latch.wait({ waitMs: 60_000, signal: controller.signal }));
      await settle(harness);
      controller.abort(new Error('enough'));
      expect(await aborted).toMatchObject({ message: 'enough' });
    });

    it('is made by the first who counts, not by those who look or wait', async () => {
      const name = harness.uniqueName();
      const looker = at.ours.latch(name, 2);
      expect(await looker.left()).toBe(2);
      const waiting = looker.wait({ waitMs: 60_000 });
      expect(await isPending(harness, waiting)).toBe(true);
      expect(await at.redis.client.exists(`{${at.redis.prefix}lock:${name}}:latch`)).toBe(0);
      expect(await at.theirs.latch(name, 2).countDown()).toBe(1);
      expect(await looker.left()).toBe(1);
      expect(await at.theirs.latch(name, 2).countDown()).toBe(0);
      await waiting;
    });

    it('refuses another count', async () => {
      const name = harness.uniqueName();
      await at.ours.latch(name, 2).countDown();
      const error = await rejectionOf(at.theirs.latch(name, 3).countDown());
      expect(isLockstepError(error, 'CONFLICT') && [error.expected, error.current]).toEqual([3, 2]);
    });

    it('is forgotten keepMs after its last use', async () => {
      const name = harness.uniqueName();
      const latch = at.ours.latch(name, 2, { keepMs: 1_000 });
      await latch.countDown();
      await harness.advance(1_200);
      expect(await latch.left()).toBe(2);
    });
  });
}
