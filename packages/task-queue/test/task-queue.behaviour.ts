import type { BehaviourHarness } from '@lockstep/testing';
import { adminBehaviour } from './behaviour/admin.ts';
import { deadLetterBehaviour } from './behaviour/dead-letters.ts';
import { enqueueBehaviour } from './behaviour/enqueue.ts';
import { poisonBehaviour } from './behaviour/poison.ts';
import { receiveBehaviour } from './behaviour/receive.ts';
import { retryBehaviour } from './behaviour/retries.ts';
import { workerBehaviour } from './behaviour/worker.ts';

/** What a task queue does, on any topology. Case names are the same on all of them. */
export function taskQueueBehaviour(harness: BehaviourHarness): void {
  enqueueBehaviour(harness);
  workerBehaviour(harness);
  retryBehaviour(harness);
  poisonBehaviour(harness);
  receiveBehaviour(harness);
  deadLetterBehaviour(harness);
  adminBehaviour(harness);
}
