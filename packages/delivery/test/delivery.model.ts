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
}

/**
 * Random histories of three workers on one queue against a reference: an item is in exactly one place, none is lost,
 * none is accepted twice, counters add up at every step, tokens rise, and nothing is left behind at the end. Replies
 * are lost and calls executed twice as it comes.
 */
export function deliveryModel(
  harness: BehaviourHarness,
  { runs, step, endOnFailure = false }: ModelOptions,
): void {
  describe(`model of delivery on ${harness.topology}`, () => {
    let redis: Redis;
    beforeAll(async () => {
      redis = await harness.connect();
    });
    afterAll(() => redis.close());

    it.each([
      ['strict', 0],
      ['with a share of the lower levels', 3],
    ])('holds for any history, %s', { timeout: 600_000 }, async (_name, lowerShare) => {
      const property = fc.asyncProperty(operations(step, 6), async (history) => {
        const world = new World(harness, redis, step, lowerShare);
        for (const operation of history) await world.perform(operation);
        await world.end();
      });
      await fc.assert(property, { numRuns: runs, endOnFailure });
    });
  });
}
