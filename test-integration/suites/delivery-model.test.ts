import { afterAll, describe, inject } from 'vitest';
import '../src/topologies.ts';
import { deliveryModel } from '../../packages/delivery/test/delivery.model.ts';
import { realHarness } from '../src/harness.ts';

/** Ten at a time: most of their time passes waiting for leases to end. */
const parallel = 10;
const runs = Number(process.env['LOCKSTEP_MODEL_RUNS'] ?? 5);
const seed = Number(process.env['LOCKSTEP_MODEL_SEED'] ?? Date.now() % 0x7fffffff);

// The embedded stand-in takes longer for a call than a step of time lasts.
describe.runIf(inject('redis').rung !== 'embedded')('delivery on one real Redis', () => {
  const harness = realHarness('standalone');
  deliveryModel(harness, { runs, step: 30, endOnFailure: true, parallel, seed });
  afterAll(async () => {
    console.log(
      `model of delivery: ${parallel * runs} histories of each variant, LOCKSTEP_MODEL_SEED=${seed}`,
    );
    await harness[Symbol.asyncDispose]();
  });
});
