import { isLockstepError } from '@lockstep/core';
import type { LockHandle } from '@lockstep/lock';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { isPending, rejectionOf, settle, twoProcesses } from './setup.ts';

export function waitingBehaviour(harness: BehaviourHarness): void {
  describe('waiting', () => {
    const at = twoProcesses(harness);

    it('a waiter gets the lock when it is released, without time passing', async () => {
      const name = harness.uniqueName();
      const first = await at.ours.acquire(name);
      const waiting = at.theirs.acquire(name, { waitMs: 60_000 });
      expect(await isPending(harness, waiting)).toBe(true);
      await first.release();
      const second = await waiting;
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
      await second.release();
    });

    it('waiters of two processes are served in the order of their coming', async () => {
      const name = harness.uniqueName();
      const first = await at.ours.acquire(name);
      const order: number[] = [];
      const waiting: Promise<void>[] = [];
      for (let turn = 0; turn < 8; turn += 1) {
        const locks = turn % 2 === 0 ? at.ours : at.theirs;
        const served = async (lock: LockHandle): Promise<void> => {
          order.push(turn);
          await lock.release();
        };
        waiting.push(locks.acquire(name, { waitMs: 60_000 }).then(served));
        await settle(harness);
      }
      await first.release();
      await Promise.all(waiting);
      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it('nobody overtakes those who wait', async () => {
      const name = harness.uniqueName();
      const first = await at.ours.acquire(name);
      const waiting = at.theirs.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      const [, barged] = await Promise.all([first.release(), at.ours.tryAcquire(name)]);
      expect(barged).toBeNull();
      await (await waiting).release();
    });

    it('gives up after waitMs and leaves nothing in the line', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      const waiting = rejectionOf(at.theirs.acquire(name, { waitMs: 300 }));
      await harness.advance(400);
      const error = await waiting;
      expect(isLockstepError(error, 'LOCK_TIMEOUT') && error.waitedMs).toBeGreaterThanOrEqual(299);
      expect((await at.ours.inspect(name)).waiters).toEqual([]);
      await lock.release();
      await (await at.theirs.acquire(name, { waitMs: 0 })).release();
    });

    it('an abort ends the wait at once with its reason and leaves the line to the next', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      const controller = new AbortController();
      const aborted = rejectionOf(at.theirs.acquire(name, { waitMs: 60_000, signal: controller.signal }));
      await settle(harness);
      const next = at.ours.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      const reason = new Error('no longer wanted');
      controller.abort(reason);
      expect(await aborted).toBe(reason);
      await settle(harness);
      expect((await at.ours.inspect(name)).waiters).toHaveLength(1);
      await lock.release();
      await (await next).release();
    });

    it('a waiter gets the lock of a holder that died, at its expiry', async () => {
      const name = harness.uniqueName();
      await at.ours.acquire(name, { ttlMs: 300, autoExtend: false });
      const waiting = at.theirs.acquire(name, { waitMs: 60_000 });
      expect(await isPending(harness, waiting)).toBe(true);
      await harness.advance(400);
      await (await waiting).release();
    });

    it('a waiter whose process is gone does not hold the others up', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      const doomed = await harness.connect();
      const { createLocks } = await import('@lockstep/lock');
      const dead = createLocks({ redis: doomed });
      const abandoned = rejectionOf(dead.acquire(name, { waitMs: 60_000 }));
      await settle(harness);
      const next = at.theirs.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      // Neither a withdrawal nor an answer: the process has died in the line.
      doomed.client.disconnect();
      const closing = doomed.close();
      await harness.advance(harness.real ? 200 : 0);
      await lock.release();
      await harness.advance(1_000);
      await (await next).release();
      expect(await abandoned).toBeInstanceOf(Error);
      await harness.advance(harness.real ? 0 : 30_000);
      await closing;
    });

    it('a waiter that does not come when it is rung is passed after a second', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name);
      const base = `{${at.redis.prefix}lock:${name}}`;
      const frozen = `${at.redis.doorbell.channel} nobody~home`;
      await putInLine(at.redis, base, frozen, harness.clock.now() + 60_000);
      const next = at.theirs.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      await lock.release();
      expect(await isPending(harness, next)).toBe(true);
      await harness.advance(1_000);
      await (await next).release();
    });

    it('a waiter hears of a release although the message was lost, at its slow re-check', async () => {
      const name = harness.uniqueName();
      const lock = await at.ours.acquire(name, { ttlMs: 60_000 });
      const waiting = at.theirs.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      // As a holder of another library frees it: nobody is rung.
      await at.redis.client.del(`${at.redis.prefix}lock:${name}`);
      await harness.advance(5_100);
      await (await waiting).release();
      await lock.release();
    });

    it('counts what happened', async () => {
      const locks = at.more();
      const name = harness.uniqueName();
      const lock = await locks.acquire(name, { ttlMs: 300, autoExtend: false });
      const waiting = locks.acquire(name, { waitMs: 60_000 });
      await settle(harness);
      expect(await locks.stats()).toMatchObject({ acquired: 1, contended: 1, held: 1, waiting: 1 });
      const late = rejectionOf(locks.acquire(name, { waitMs: 100 }));
      await harness.advance(150);
      await late;
      await harness.advance(300);
      const next = await waiting;
      await next.extend(5_000);
      await next.release();
      const stats = await locks.stats();
      expect(stats).toMatchObject({
        acquired: 2,
        contended: 2,
        timeouts: 1,
        lost: 1,
        extended: 1,
        released: 1,
        held: 0,
        waiting: 0,
      });
      // It began to wait a little later than the 300 ms of the lock did, on a busy machine a lot.
      expect(stats.waitedMs.p99).toBeGreaterThanOrEqual(harness.real ? 50 : 300);
      expect(stats.waitedMs.p50).toBeLessThanOrEqual(stats.waitedMs.p99);
      expect(lock.isValid()).toBe(false);
    });
  });
}

type Commands = Record<'rpush' | 'zadd', (key: string, ...args: (string | number)[]) => Promise<unknown>>;

async function putInLine(
  redis: { readonly client: unknown },
  base: string,
  waiter: string,
  until: number,
): Promise<void> {
  const client = redis.client as Commands;
  await client.rpush(`${base}:waiters`, waiter);
  await client.zadd(`${base}:alive`, until, waiter);
}
