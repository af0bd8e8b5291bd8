import { isLockstepError } from '@lockstep/core';
import type { LockHandle } from '@lockstep/lock';
import { describe, expect, it } from 'vitest';
import { rejectionOf } from '../behaviour/setup.ts';
import type { MastersHarness } from './masters-harness.ts';
import { countOf, processes, settle, within } from './setup.ts';

export function quorumLocks(harness: MastersHarness): void {
  describe('primitives', () => {
    const at = processes(harness, 3);
    const { count } = harness;

    it('a lock is held on every master and excludes others', async () => {
      const name = harness.uniqueName();
      const [ours, theirs] = at.locks;
      const lock = await ours!.acquire(name);
      await settle(harness);
      expect(await countOf(at.connections[0]!, `${at.connections[0]![0]!.prefix}lock:${name}`)).toBe(count);
      expect(await within(harness, 1_000, theirs!.tryAcquire(name))).toBeNull();
      expect(await ours!.inspect(name)).toMatchObject({ held: true, owner: lock.owner });
      expect(await lock.release()).toBe('released');
      const next = await within(harness, 1_000, theirs!.acquire(name));
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
    });

    it('tokens rise over grants by different quorums, though the counters of the masters differ', async () => {
      const name = harness.uniqueName();
      const base = `{${at.connections[0]![0]!.prefix}lock:${name}}:fence`;
      const ahead = (harness.clock.now() + 3_600_000) * 1_000;
      // One master's counter is far ahead, as after a grant by a server with a fast clock.
      await at.connections[0]![0]!.client.set(base, String(ahead));
      let last = 0;
      for (let turn = 0; turn < 3 * count; turn += 1) {
        const frozen = turn % count;
        await harness.freeze(frozen);
        const lock = await within(harness, 3_000, at.locks[turn % 2]!.acquire(name, { ttlMs: 2_000 }));
        expect(lock.fencingToken).toBeGreaterThan(last);
        last = lock.fencingToken;
        const released = lock.release();
        await harness.thaw(frozen);
        expect(await within(harness, 3_000, released)).toBe('released');
        await settle(harness);
      }
      expect(last).toBeGreaterThan(ahead);
    });

    it('contenders that come together get the lock one after the other', async () => {
      const name = harness.uniqueName();
      let holding = 0;
      let served = 0;
      const tokens: number[] = [];
      const work = async (lock: LockHandle): Promise<void> => {
        holding += 1;
        expect(holding).toBe(1);
        tokens.push(lock.fencingToken);
        await harness.advance(harness.real ? 5 : 0);
        holding -= 1;
        served += 1;
      };
      const contenders = at.locks.flatMap((locks) =>
        [0, 1].map(() => locks.withLock(name, { waitMs: 30_000 }, work)),
      );
      await within(harness, 30_000, Promise.all(contenders));
      expect(served).toBe(6);
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    });

    it('gives up after waitMs and leaves nothing on any master', async () => {
      const name = harness.uniqueName();
      const [ours, theirs] = at.locks;
      const lock = await ours!.acquire(name, { ttlMs: 5_000 });
      const error = await within(harness, 2_000, rejectionOf(theirs!.acquire(name, { waitMs: 300 })));
      expect(isLockstepError(error, 'LOCK_TIMEOUT')).toBe(true);
      await within(harness, 1_000, lock.release());
      await settle(harness);
      expect(await countOf(at.connections[0]!, `${at.connections[0]![0]!.prefix}lock:${name}`)).toBe(0);
    });

    it('is renewed on all masters, extended, and lost when a majority does not have it', async () => {
      const name = harness.uniqueName();
      const [ours] = at.locks;
      const key = `${at.connections[0]![0]!.prefix}lock:${name}`;
      const lock = await ours!.acquire(name, { ttlMs: 600 });
      await harness.advance(2_000);
      expect(lock.isValid()).toBe(true);
      await lock.extend(3_000);
      await harness.advance(800);
      expect(lock.isValid()).toBe(true);
      const majority = Math.floor(count / 2) + 1;
      for (const redis of at.connections[1]!.slice(0, majority)) await redis.client.set(key, 'somebody-else');
      await harness.advance(1_100);
      expect(lock.isValid()).toBe(false);
      expect(lock.signal.aborted).toBe(true);
      await Promise.all(at.connections[1]!.map((redis) => redis.client.del(key)));
      expect(await within(harness, 1_000, lock.release())).toBe('expired');
    });

    it('a lock taken away by force is lost', async () => {
      const name = harness.uniqueName();
      const [ours, theirs] = at.locks;
      const lock = await ours!.acquire(name, { ttlMs: 60_000 });
      await settle(harness);
      expect(await theirs!.forceRelease(name)).toBe(true);
      await settle(harness);
      expect(lock.isValid()).toBe(false);
      const next = await within(harness, 1_000, theirs!.acquire(name));
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
      await lock.release();
    });

    it('re-entrant, read-write, several at once and election work over it', async () => {
      const name = harness.uniqueName();
      const [ours, theirs] = at.locks;
      const outer = await ours!.reentrant(name, 'request-1').acquire();
      const inner = await theirs!.reentrant(name, 'request-1').acquire();
      expect(inner.fencingToken).toBe(outer.fencingToken);
      expect(await within(harness, 1_000, theirs!.tryAcquire(name))).toBeNull();
      await inner.release();
      await outer.release();

      const readers = [await ours!.readWrite(name).read(), await theirs!.readWrite(name).read()];
      expect(await within(harness, 1_000, theirs!.readWrite(name).write.tryAcquire())).toBeNull();
      await Promise.all(readers.map((reader) => reader.release()));
      await settle(harness);
      const writer = await theirs!.readWrite(name).write();
      expect(await within(harness, 1_000, ours!.readWrite(name).read.tryAcquire())).toBeNull();
      await writer.release();

      const all = await ours!.acquireAll([`${name}.a`, `${name}.b`]);
      expect(await within(harness, 1_000, theirs!.tryAcquire(`${name}.b`))).toBeNull();
      await all.release();

      const election = ours!.election(name, { metadata: 'ours' });
      const leading = await election.campaign();
      await settle(harness);
      expect(await theirs!.election(name).leader()).toMatchObject({ owner: leading.owner, metadata: 'ours' });
      const campaign = theirs!.election(name).campaign();
      await settle(harness);
      await election.resign();
      await (await within(harness, 2_000, campaign)).release();
      expect(() => ours!.latch(name, 1)).toThrow(/quorum/);
    });

    it('a semaphore admits as many as there are permits, and no more', async () => {
      for (const permits of [1, 2, count - 1]) {
        const name = harness.uniqueName();
        const held: LockHandle[] = [];
        for (let turn = 0; turn < permits + 2; turn += 1) {
          const semaphore = at.locks[turn % at.locks.length]!.semaphore(name, { permits });
          const permit = await within(harness, 2_000, semaphore.tryAcquire());
          if (permit) held.push(permit);
          await settle(harness);
        }
        expect(held).toHaveLength(permits);
        await Promise.all(held.map((permit) => permit.release()));
      }
    });

    it('lists what is held on any of them', async () => {
      const name = harness.uniqueName();
      const lock = await at.locks[0]!.acquire(`${name}.held`);
      await settle(harness);
      const names: string[] = [];
      for await (const held of at.locks[1]!.list({ match: `${name}.*` })) names.push(held.name);
      expect(names).toEqual([`${name}.held`]);
      await lock.release();
    });
  });
}
