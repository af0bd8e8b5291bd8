import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { twoProcesses } from './setup.ts';

export function fencingBehaviour(harness: BehaviourHarness): void {
  describe('fencing tokens', () => {
    const at = twoProcesses(harness);

    it('rise with every grant and stay exact integers', async () => {
      const name = harness.uniqueName();
      let last = 0;
      for (let turn = 0; turn < 20; turn += 1) {
        const lock = await (turn % 2 === 0 ? at.ours : at.theirs).acquire(name);
        expect(Number.isSafeInteger(lock.fencingToken)).toBe(true);
        expect(lock.fencingToken).toBeGreaterThan(last);
        last = lock.fencingToken;
        await lock.release();
      }
    });

    it('rise although the counter was lost', async () => {
      const name = harness.uniqueName();
      const first = await at.ours.acquire(name);
      await first.release();
      await at.redis.client.del(`{${at.redis.prefix}lock:${name}}:fence`);
      await harness.advance(2);
      const second = await at.ours.acquire(name);
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
      await second.release();
    });

    it('rise above a counter that is ahead of the clock', async () => {
      const name = harness.uniqueName();
      const ahead = (harness.clock.now() + 3_600_000) * 1_000;
      await at.redis.client.set(`{${at.redis.prefix}lock:${name}}:fence`, String(ahead));
      const first = await at.ours.acquire(name);
      expect(first.fencingToken).toBe(ahead + 1);
      await first.release();
      const second = await at.theirs.acquire(name);
      expect(second.fencingToken).toBe(ahead + 2);
      await second.release();
    });

    it('of a durable fence are kept for good, of any other for a week', async () => {
      const name = harness.uniqueName();
      const durable = at.more({ fence: 'durable', prefix: 'durable:' });
      await (await durable.acquire(name)).release();
      await (await at.ours.acquire(name)).release();
      const client = at.redis.client as unknown as { pttl(key: string): Promise<number> };
      expect(await client.pttl(`{${at.redis.prefix}durable:${name}}:fence`)).toBe(-1);
      const week = 7 * 24 * 60 * 60 * 1_000;
      const kept = await client.pttl(`{${at.redis.prefix}lock:${name}}:fence`);
      expect(kept).toBeGreaterThanOrEqual(week);
      // A process that goes on using the lock says so once a day.
      expect(kept).toBeLessThanOrEqual(week + 24 * 60 * 60 * 1_000 + 10_000);
    });
  });
}
