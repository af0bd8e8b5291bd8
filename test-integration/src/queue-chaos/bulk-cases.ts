import { createQueue, task } from '@lockstep/task-queue';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { anyInput } from './any-input.ts';

const letters = 10_000;
const perCall = 500;
const reasons = ['card declined', 'no stock'];

/** More dead letters than fit into a page of any list. */
export function bulkCases(harness: BehaviourHarness): void {
  describe('ten thousand dead letters', () => {
    test('are all found by filter, all redriven and all removed', { timeout: 180_000 }, async () => {
      await using redis = await harness.connect();
      const tasks = { work: task({ input: anyInput<number>(), visibilityTimeoutMs: 120_000 }) };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      await queue.enqueueMany(
        Array.from({ length: letters }, (_, input) => ({ name: 'work' as const, input })),
      );
      for (let dead = 0; dead < letters; dead += perCall) {
        const leases = await queue.receive({ max: perCall });
        // Settled together, so that many die in one millisecond.
        await Promise.all(leases.map((lease) => lease.reject(reasons[lease.input % 2]!)));
      }
      expect((await queue.stats()).dead).toBe(letters);
      const declined = { filter: { error: 'declined' } };
      const half = { matched: letters / 2, changed: letters / 2 };
      expect(await queue.deadLetters.redrive(declined, { ratePerSecond: 100_000 })).toEqual(half);
      expect(await queue.stats()).toMatchObject({ dead: letters / 2, redriven: letters / 2 });
      expect(await queue.deadLetters.redrive(declined)).toEqual({ matched: 0, changed: 0 });
      expect(await queue.deadLetters.remove({ filter: {} })).toEqual(half);
      let waiting = 0;
      for await (const { input } of queue.list({ state: 'ready' })) {
        expect(Number(input) % 2).toBe(0);
        waiting += 1;
      }
      expect(waiting).toBe(letters / 2);
      await queue.obliterate();
    });
  });
}
