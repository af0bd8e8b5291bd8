import { isLockstepError } from '@lockstep/core';
import { fenced } from '@lockstep/lock';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { rejectionOf, twoProcesses } from './setup.ts';

export function fencedBehaviour(harness: BehaviourHarness): void {
  describe('fenced writes', () => {
    const at = twoProcesses(harness);

    it('refuse the holder that was overtaken', async () => {
      const name = harness.uniqueName();
      const store = fenced(at.redis);
      const stale = await at.ours.acquire(name, { ttlMs: 100, autoExtend: false });
      await store.set(name, { stock: 3 }, stale);
      await harness.advance(150);
      const current = await at.theirs.acquire(name);
      await store.set(name, { stock: 2 }, current);
      await store.set(name, { stock: 1 }, current.fencingToken);
      const error = await rejectionOf(store.set(name, { stock: 99 }, stale));
      expect(isLockstepError(error, 'LEASE_LOST') && error.reason).toBe('refused');
      expect(isLockstepError(await rejectionOf(store.delete(name, stale)), 'LEASE_LOST')).toBe(true);
      expect(await store.get(name)).toEqual({ value: { stock: 1 }, fencingToken: current.fencingToken });
      await current.release();
      await stale.release();
    });

    it('remember the token of a deleted value', async () => {
      const name = harness.uniqueName();
      const store = fenced(at.redis);
      await store.set(name, 'value', 5);
      await store.delete(name, 6);
      expect(await store.get(name)).toBeUndefined();
      expect(isLockstepError(await rejectionOf(store.set(name, 'late', 5)), 'LEASE_LOST')).toBe(true);
      await store.set(name, 'new', 6);
      expect(await store.get(name)).toEqual({ value: 'new', fencingToken: 6 });
    });

    it('keep a value for ttlMs', async () => {
      const name = harness.uniqueName();
      const store = fenced(at.redis);
      await store.set(name, 'brief', 1, { ttlMs: 100 });
      await harness.advance(150);
      expect(await store.get(name)).toBeUndefined();
      expect(isLockstepError(await rejectionOf(store.set(name, 'old', 0)), 'LEASE_LOST')).toBe(true);
    });
  });
}
