import { memoryHarness } from '@lockstep/testing';
import { afterAll, describe } from 'vitest';
import { taskQueueBehaviour } from './task-queue.behaviour.ts';

// Minutes of manual time pass in here; how many real seconds that takes depends on the machine.
describe('task queue on memory', { timeout: 20_000 }, () => {
  const harness = memoryHarness();
  afterAll(() => harness[Symbol.asyncDispose]());
  taskQueueBehaviour(harness);
});
