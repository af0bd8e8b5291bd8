import { describe, inject } from 'vitest';
import { taskQueueBehaviour } from '../../packages/task-queue/test/task-queue.behaviour.ts';
import { realHarness } from '../src/harness.ts';
import { onEveryTopology } from '../src/on-every-topology.ts';
import { bulkCases } from '../src/queue-chaos/bulk-cases.ts';
import { layoutCases } from '../src/queue-chaos/layout-cases.ts';
import { raceCases } from '../src/queue-chaos/race-cases.ts';

onEveryTopology('task-queue', taskQueueBehaviour);

describe.runIf(inject('redis').rung !== 'embedded')('task-queue on one real Redis', () => {
  const harness = realHarness('standalone');
  bulkCases(harness);
  raceCases(harness);
  layoutCases(harness);
});
