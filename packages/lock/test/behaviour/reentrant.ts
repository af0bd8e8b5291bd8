import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, settle, soon, twoProcesses } from './setup.ts';

export function reentrantBehaviour(harness: BehaviourHarness): void {
  describe('re-entrant lock', () => {
    const at = twoProcesses(harness);

    it('its owner takes it again, from any process, with the same token', async () => {
      const name = harness.uniqueName();
      const outer = await at.ours.reentrant(name, 'request-1').acquire();
      const inner = await at.theirs.reentrant(name, 'request-1').acquire({ waitMs: 0 });
      expect(inner.fencingToken).toBe(outer.fencingToken);
      expect(inner.owner).toBe('request-1');
      expect(await at.ours.inspect(name)).toMatchObject({ held: true, owner: 'request-1', holds: 2 });
      expect(await at.theirs.reentrant(name, 'request-2').tryAcquire()).toBeNull();
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect(await inner.release()).toBe('released');
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect(await outer.release()).toBe('released');
      const next = await at.theirs.acquire(name, { waitMs: 0 });
      expect(next.fencingToken).toBeGreaterThan(outer.fencingToken);
      await next.release();
    });

    it('is no way into a plain mutex, whatever owner it names', async () => {
      const name = harness.uniqueName();
      for (const options of [{}, { metadata: 'told' }]) {
        const plain = await at.ours.acquire(name, { ttlMs: 60_000, ...options });
        expect(await at.theirs.reentrant(name, plain.owner).tryAcquire({ ttlMs: 1_000 })).toBeNull();
        expect(await at.theirs.inspect(name)).toMatchObject({ owner: plain.owner, holds: 0 });
        const held = await at.theirs.inspect(name);
        expect(held.held && held.ttlMs).toBeGreaterThan(50_000);
        expect(await plain.release()).toBe('released');
      }
    });

    it('a nested take does not wait behind those in line', async () => {
      const name = harness.uniqueName();
      const owner = at.ours.reentrant(name, 'request-1');
      const outer = await owner.acquire();
      const waiting = at.theirs.reentrant(name, 'request-2').acquire({ waitMs: 60_000 });
      expect(await isPending(harness, waiting)).toBe(true);
      const inner = await owner.acquire({ waitMs: 60_000 });
      await inner.release();
      await outer.release();
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(outer.fencingToken);
      await next.release();
    });

    it('each hold has a deadline of its own; the lock lasts as long as the longest', async () => {
      const name = harness.uniqueName();
      const owner = at.ours.reentrant(name, 'request-1');
      const long = await owner.acquire({ ttlMs: 1_000, autoExtend: false });
      const short = await owner.acquire({ ttlMs: 100, autoExtend: false });
      await harness.advance(200);
      expect(short.isValid()).toBe(false);
      expect(long.isValid()).toBe(true);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      expect(await short.release()).toBe('expired');
      expect(await long.release()).toBe('released');
      await (await at.theirs.acquire(name, { waitMs: 0 })).release();
    });

    it('is renewed while it is held', async () => {
      const name = harness.uniqueName();
      const owner = at.ours.reentrant(name, 'request-1');
      const outer = await owner.acquire({ ttlMs: 300 });
      const inner = await owner.acquire({ ttlMs: 300 });
      await harness.advance(1_000);
      expect([outer.isValid(), inner.isValid()]).toEqual([true, true]);
      await outer.release();
      await harness.advance(500);
      expect(inner.isValid()).toBe(true);
      expect(await at.theirs.tryAcquire(name)).toBeNull();
      await inner.release();
      expect(await at.ours.inspect(name)).toMatchObject({ held: false });
    });

    it('waits for a plain owner, and a plain owner for it', async () => {
      const name = harness.uniqueName();
      const plain = await at.ours.acquire(name);
      const waiting = at.theirs.reentrant(name, 'request-1').acquire({ waitMs: 60_000 });
      await settle(harness);
      await plain.release();
      const held = await waiting;
      const next = at.ours.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      await held.release();
      await (await next).release();
    });

    it('withLock nests', async () => {
      const name = harness.uniqueName();
      const owner = at.ours.reentrant(name, 'request-1');
      const depth = await owner.withLock({}, () => owner.withLock({}, () => owner.withLock({}, () => 3)));
      expect(depth).toBe(3);
      expect(await at.ours.inspect(name)).toMatchObject({ held: false });
    });

    it('a hold taken away by force is lost', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.reentrant(name, 'request-1').acquire({ ttlMs: 60_000 });
      expect(await at.theirs.forceRelease(name)).toBe(true);
      await soon(harness, () => expect(lock.isValid()).toBe(false));
      expect(await lock.release()).toBe('expired');
    });
  });
}
