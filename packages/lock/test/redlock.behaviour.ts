import { isLockstepError } from '@lockstep/core';
import { createLocks, type Locks } from '@lockstep/lock';
import type { Redis } from '@lockstep/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rejectionOf, silent } from './behaviour/setup.ts';
import { Redlock4, type Redlock } from './redlock-4.ts';

/** One server or several that both libraries use. */
export interface SharedServers extends AsyncDisposable {
  readonly title: string;
  /** Connections of ours with the empty prefix. */
  connect(): Promise<readonly Redis[]>;
  /** Bare ioredis clients. */
  clients(): Promise<readonly unknown[]>;
  uniqueName(): string;
}

/** A fleet half of which still uses `redlock`. */
export function redlockBehaviour(servers: SharedServers): void {
  describe(`with redlock 4.2 on ${servers.title}`, () => {
    let locks: Locks;
    let redlock: Redlock;
    let patient: Redlock;

    beforeAll(async () => {
      const redis = await servers.connect();
      locks = createLocks({ redis, prefix: '', logger: silent });
      const clients = await servers.clients();
      redlock = new Redlock4(clients, { retryCount: 0 });
      patient = new Redlock4(clients, { retryCount: 50, retryDelay: 50 });
    });
    afterAll(async () => {
      await locks.close();
      await servers[Symbol.asyncDispose]();
    });

    it('a lock held by redlock excludes ours', async () => {
      const name = servers.uniqueName();
      const theirs = await redlock.lock(name, 10_000);
      expect(await locks.tryAcquire(name)).toBeNull();
      expect(isLockstepError(await rejectionOf(locks.acquire(name, { waitMs: 100 })), 'LOCK_TIMEOUT')).toBe(
        true,
      );
      expect(await locks.inspect(name)).toMatchObject({
        held: true,
        owner: theirs.value,
        fencingToken: undefined,
        acquiredAt: undefined,
      });
      await theirs.unlock();
      const ours = await locks.acquire(name, { waitMs: 1_000 });
      await ours.release();
    });

    it('a lock held by ours excludes redlock, renewed or not', async () => {
      const name = servers.uniqueName();
      const ours = await locks.acquire(name, { ttlMs: 300 });
      await rejectionOf(redlock.lock(name, 10_000));
      await new Promise((resolve) => setTimeout(resolve, 500));
      await rejectionOf(redlock.lock(name, 10_000));
      expect(ours.isValid()).toBe(true);
      expect(await ours.release()).toBe('released');
      const theirs = await patient.lock(name, 10_000);
      await theirs.unlock();
    });

    it('neither releases or extends what the other holds', async () => {
      const name = servers.uniqueName();
      const expired = await locks.acquire(name, { ttlMs: 50, autoExtend: false });
      await new Promise((resolve) => setTimeout(resolve, 80));
      const theirs = await redlock.lock(name, 10_000);
      expect(await expired.release()).toBe('expired');
      expect(await locks.inspect(name)).toMatchObject({ owner: theirs.value });
      await theirs.unlock();
      const old = await redlock.lock(name, 50);
      await new Promise((resolve) => setTimeout(resolve, 80));
      const ours = await locks.acquire(name);
      await old.unlock().catch(() => {});
      expect(await locks.inspect(name)).toMatchObject({ owner: ours.owner });
      await ours.release();
    });

    it('a waiter of ours gets a lock that redlock releases, soon though nobody rings it', async () => {
      const name = servers.uniqueName();
      const theirs = await redlock.lock(name, 60_000);
      const waiting = locks.acquire(name, { waitMs: 10_000 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      await theirs.unlock();
      const start = performance.now();
      const ours = await waiting;
      expect(performance.now() - start).toBeLessThan(1_000);
      await ours.release();
    });

    it('both fleets together never hold it twice', { timeout: 60_000 }, async () => {
      const name = servers.uniqueName();
      let holding = 0;
      let overlaps = 0;
      const hold = async (): Promise<void> => {
        holding += 1;
        if (holding > 1) overlaps += 1;
        await new Promise((resolve) => setTimeout(resolve, 2));
        holding -= 1;
      };
      const ours = Array.from({ length: 4 }, async () => {
        for (let turn = 0; turn < 15; turn += 1) await locks.withLock(name, { waitMs: 50_000 }, hold);
      });
      const theirs = Array.from({ length: 2 }, async () => {
        for (let turn = 0; turn < 5; turn += 1) {
          const lock = await new Redlock4(await servers.clients(), { retryCount: -1, retryDelay: 20 }).lock(
            name,
            10_000,
          );
          await hold();
          await lock.unlock();
        }
      });
      await Promise.all([...ours, ...theirs]);
      expect(overlaps).toBe(0);
    });
  });
}
