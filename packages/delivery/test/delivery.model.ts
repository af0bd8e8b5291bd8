import type { Redis } from '@lockstep/redis';
import type { BehaviourHarness } from '@lockstep/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { operations } from './model/operations.ts';
import { World } from './model/world.ts';

export interface ModelOptions {
  readonly runs: number;
  /** The grain of time in milliseconds; on a real Redis it has to be waited for. */
  readonly step: number;
  /** Report the first failure as it is: shrinking takes minutes on memory. @defaultValue false */
  readonly endOnFailure?: boolean | undefined;
  /** Of the first of the parallel ones; a failure prints its own. @defaultValue another one each time */
  readonly seed?: number | undefined;
  /** So often at a time, with a seed each, where time has to be waited for. @defaultValue 1 */
  readonly parallel?: number | undefined;
}

/**
 * Random histories of three workers on one queue against a reference: an item is in exactly one place, none is lost,
 * none is accepted twice, none is handed out after it expired, outcomes are kept as long as somebody wants them, counters
 * add up at every step, tokens rise, nobody sleeps while there is work, and nothing is left behind at the end. Replies
 * are lost and calls executed twice as it comes.
 */
export function deliveryModel(
  harness: BehaviourHarness,
  { runs, step, endOnFailure = false, parallel = 1, seed = Date.now() % 0x7fffffff }: ModelOptions,
): void {
  describe(`model of delivery on ${harness.topology}`, () => {
    let redis: Redis;
    beforeAll(async () => {
      redis = await harness.connect();
      // A channel that nobody hears is passed over when bells are rung.
      redis.doorbell.on('model', () => {});
      await redis.doorbell.ready;
    });
    afterAll(() => redis.close());

    it.each([
      ['strict', 0],
      ['with a share of the lower levels', 3],
    ])('holds for any history, %s', { timeout: 600_000 }, async (_name, lowerShare) => {
      const property = fc.asyncProperty(operations(step), async (history) => {
        const world = new World(harness, redis, step, lowerShare);
        for (const operation of history) await world.perform(operation);
        await world.end();
      });
      const runOne = (_: unknown, at: number): Promise<void> =>
        fc.assert(property, { numRuns: runs, endOnFailure, seed: seed + at });
      await Promise.all(Array.from({ length: parallel }, runOne));
    });
  });
}
