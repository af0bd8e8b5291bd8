import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, settle, twoProcesses } from './setup.ts';

export function readWriteBehaviour(harness: BehaviourHarness): void {
  describe('read-write lock', () => {
    const at = twoProcesses(harness);

    it('has many readers or one writer', async () => {
      const name = harness.uniqueName();
      const ours = at.ours.readWrite(name);
      const theirs = at.theirs.readWrite(name);
      const readers = [await ours.read(), await theirs.read(), await theirs.read.acquire()];
      expect(await theirs.write.tryAcquire()).toBeNull();
      expect((await ours.inspect()).readers).toHaveLength(3);
      for (const reader of readers) expect(await reader.release()).toBe('released');
      const writer = await theirs.write();
      expect(await ours.read.tryAcquire()).toBeNull();
      expect(await ours.write.tryAcquire()).toBeNull();
      expect((await ours.inspect()).writer?.owner).toBe(writer.owner);
      expect(writer.fencingToken).toBeGreaterThan(Math.max(...readers.map((lock) => lock.fencingToken)));
      await writer.release();
      expect(await ours.inspect()).toMatchObject({ writer: undefined, readers: [] });
    });

    it('a writer that waits is not starved by readers who come later', async () => {
      const name = harness.uniqueName();
      const lock = at.ours.readWrite(name);
      const reader = await lock.read();
      const writing = at.theirs.readWrite(name).write({ waitMs: 60_000 });
      await settle(harness);
      expect(await lock.read.tryAcquire()).toBeNull();
      const later = lock.read({ waitMs: 60_000 });
      expect(await isPending(harness, later)).toBe(true);
      await reader.release();
      const writer = await writing;
      expect(await isPending(harness, later)).toBe(true);
      await writer.release();
      await (await later).release();
    });

    it('readers that wait behind a writer come in together', async () => {
      const name = harness.uniqueName();
      const writer = await at.ours.readWrite(name).write();
      const waiting = [0, 1, 2, 3].map((turn) =>
        (turn % 2 === 0 ? at.ours : at.theirs).readWrite(name).read({ waitMs: 60_000 }),
      );
      await settle(harness);
      await writer.release();
      const readers = await Promise.all(waiting);
      expect((await at.ours.readWrite(name).inspect()).readers).toHaveLength(4);
      await Promise.all(readers.map((reader) => reader.release()));
    });

    it('a reader that died frees its place at its own deadline while others go on', async () => {
      const name = harness.uniqueName();
      const lock = at.ours.readWrite(name);
      await lock.read({ ttlMs: 200, autoExtend: false });
      const living = await lock.read({ ttlMs: 1_200 });
      await harness.advance(1_000);
      expect((await lock.inspect()).readers).toHaveLength(1);
      await living.release();
      await (await at.theirs.readWrite(name).write({ waitMs: 0 })).release();
    });

    it('a waiting writer gets the lock when the last reader expires', async () => {
      const name = harness.uniqueName();
      await at.ours.readWrite(name).read({ ttlMs: 300, autoExtend: false });
      const writing = at.theirs.readWrite(name).write({ waitMs: 60_000 });
      expect(await isPending(harness, writing)).toBe(true);
      await harness.advance(400);
      await (await writing).release();
    });

    it('withLock works on both sides', async () => {
      const lock = at.ours.readWrite(harness.uniqueName());
      const read = await lock.read.withLock({}, () => lock.read.withLock({}, () => 'read'));
      const written = await lock.write.withLock({}, async () => (await lock.read.tryAcquire()) === null);
      expect([read, written]).toEqual(['read', true]);
    });
  });
}
