import { isLockstepError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { createLocks } from '@lockstep/lock';
import { describe, expect, it } from 'vitest';
import { rejectionOf, settle, twoProcesses } from './setup.ts';

export function closeBehaviour(harness: BehaviourHarness): void {
  describe('close', () => {
    const at = twoProcesses(harness);

    it('releases what is held, tells the holders and refuses new requests', async () => {
      const name = harness.uniqueName();
      const locks = at.more();
      const lock = await locks.acquire(name);
      const permit = await locks.semaphore(name, { permits: 1 }).acquire();
      const { signal } = lock;
      const report = await locks.close({ drainMs: 0 });
      expect(report).toMatchObject({ name: 'locks', returned: 2, aborted: 2, errors: [] });
      expect(isLockstepError(signal.reason, 'SHUTDOWN')).toBe(true);
      expect([lock.isValid(), permit.isValid()]).toEqual([false, false]);
      await (await at.theirs.acquire(name, { waitMs: 0 })).release();
      expect(isLockstepError(await rejectionOf(locks.acquire(name)), 'CLOSED')).toBe(true);
      expect(await locks.close()).toBe(report);
    });

    it('sends those who wait away', async () => {
      const name = harness.uniqueName();
      const locks = at.more();
      const lock = await at.theirs.acquire(name);
      const waiting = rejectionOf(locks.acquire(name, { waitMs: 60_000 }));
      await settle(harness);
      await locks.close();
      expect(isLockstepError(await waiting, 'CLOSED')).toBe(true);
      expect((await at.theirs.inspect(name)).waiters).toEqual([]);
      await lock.release();
    });

    it('lets withLock work end in time, and aborts what does not', async () => {
      const locks = at.more();
      const [quick, slow] = [harness.uniqueName(), harness.uniqueName()];
      let finish = (): void => {};
      const quickWork = locks.withLock(quick, {}, (lock) => {
        return new Promise<string>((resolve) => (finish = () => resolve(lock.isValid() ? 'valid' : 'lost')));
      });
      const slowWork = locks.withLock(slow, {}, (lock) => {
        return new Promise<string>((resolve) => {
          lock.signal.addEventListener('abort', () => resolve((lock.signal.reason as Error).name));
        });
      });
      await settle(harness);
      const closing = locks.close({ drainMs: 300, abortMs: 300 });
      await settle(harness);
      finish();
      expect(await quickWork).toBe('valid');
      await harness.advance(400);
      expect(await slowWork).toBe('ShutdownError');
      expect(await closing).toMatchObject({ finished: 1, errors: [] });
      for (const name of [quick, slow]) await (await at.theirs.acquire(name, { waitMs: 0 })).release();
    });

    it('comes with the connection', async () => {
      const name = harness.uniqueName();
      const redis = await harness.connect();
      const lock = await createLocks({ redis }).acquire(name);
      const { parts } = await redis.close();
      expect(parts).toEqual([expect.objectContaining({ name: 'locks', returned: 1 })]);
      expect(lock.isValid()).toBe(false);
      await (await at.theirs.acquire(name, { waitMs: 0 })).release();
    });
  });
}
