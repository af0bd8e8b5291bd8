import type { HeldLock } from '@lockstep/lock';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { settle, twoProcesses } from './setup.ts';

export function inspectBehaviour(harness: BehaviourHarness): void {
  describe('inspect and list', () => {
    const at = twoProcesses(harness);

    it('shows the holder, its metadata and who waits', async () => {
      const name = harness.uniqueName();
      expect(await at.ours.inspect(name)).toEqual({ held: false, name, waiters: [] });
      const lock = await at.ours.acquire(name, { ttlMs: 20_000, metadata: { by: 'billing', of: [1, 2] } });
      const waiting = at.theirs.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      const seen = await at.theirs.inspect(name);
      expect(seen).toMatchObject({
        held: true,
        owner: lock.owner,
        fencingToken: lock.fencingToken,
        metadata: { by: 'billing', of: [1, 2] },
        holds: 0,
      });
      const held = seen as HeldLock;
      expect(held.ttlMs).toBeGreaterThan(15_000);
      expect(held.ttlMs).toBeLessThanOrEqual(20_000);
      expect(Math.abs(held.acquiredAt! - harness.clock.now())).toBeLessThan(5_000);
      expect(held.waiters).toHaveLength(1);
      await lock.release();
      const next = await waiting;
      expect(await at.ours.inspect(name)).toMatchObject({ owner: next.owner, metadata: undefined });
      await next.release();
    });

    it('lists what is held, by pattern, and nothing else', async () => {
      const base = harness.uniqueName();
      const held = await Promise.all(
        ['orders.1', 'orders.2', 'orders.2.lines', 'users.1'].map((name) =>
          at.ours.acquire(`${base}.${name}`, { metadata: name }),
        ),
      );
      const released = await at.theirs.acquire(`${base}.orders.3`);
      await released.release();
      const listed = async (match: string): Promise<string[]> => {
        const names: string[] = [];
        for await (const lock of at.theirs.list({ match })) names.push(lock.name.slice(base.length + 1));
        return names.sort();
      };
      // The index is written behind the grants.
      await harness.advance(50);
      expect(await listed(`${base}.orders.*`)).toEqual(['orders.1', 'orders.2']);
      expect(await listed(`${base}.**`)).toEqual(['orders.1', 'orders.2', 'orders.2.lines', 'users.1']);
      for await (const lock of at.theirs.list({ match: `${base}.users.*` })) {
        expect(lock).toMatchObject({ owner: held[3]!.owner, metadata: 'users.1' });
      }
      await Promise.all(held.map((lock) => lock.release()));
      expect(await listed(`${base}.**`)).toEqual([]);
    });

    it('lists a lock that is held longer than its index entry was made for', async () => {
      const base = harness.uniqueName();
      const lock = await at.ours.acquire(`${base}.long`, { ttlMs: 1_000 });
      await harness.advance(harness.real ? 1_500 : 200_000);
      const names: string[] = [];
      for await (const held of at.theirs.list({ match: `${base}.*` })) names.push(held.name);
      expect(names).toEqual([`${base}.long`]);
      await lock.release();
    });

    it('without a pattern lists all of its prefix, each once', async () => {
      const locks = at.more({ prefix: `${harness.uniqueName()}:` });
      const names = Array.from({ length: 60 }, (_, index) => `n.${index}`);
      const held = await Promise.all(names.map((name) => locks.acquire(name, { ttlMs: 60_000 })));
      const seen: string[] = [];
      for await (const lock of locks.list()) seen.push(lock.name);
      expect(seen.sort()).toEqual(names.sort());
      await Promise.all(held.map((lock) => lock.release()));
    });

    it('health says that nothing is wrong', async () => {
      expect(await at.ours.health()).toMatchObject({ status: 'up' });
    });
  });
}
