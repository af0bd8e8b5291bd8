import type { BehaviourHarness } from '@lockstep/testing';
import { describe } from 'vitest';
import { acquireAllBehaviour } from './behaviour/acquire-all.ts';
import { closeBehaviour } from './behaviour/close.ts';
import { electionBehaviour } from './behaviour/election.ts';
import { fencedBehaviour } from './behaviour/fenced.ts';
import { fencingBehaviour } from './behaviour/fencing.ts';
import { inspectBehaviour } from './behaviour/inspect.ts';
import { latchBehaviour } from './behaviour/latch.ts';
import { mutexBehaviour } from './behaviour/mutex.ts';
import { readWriteBehaviour } from './behaviour/read-write.ts';
import { reentrantBehaviour } from './behaviour/reentrant.ts';
import { renewalBehaviour } from './behaviour/renewal.ts';
import { semaphoreBehaviour } from './behaviour/semaphore.ts';
import { waitingBehaviour } from './behaviour/waiting.ts';

/** What locks do on one Redis, on any topology. */
export function lockBehaviour(harness: BehaviourHarness): void {
  describe('locks', () => {
    mutexBehaviour(harness);
    waitingBehaviour(harness);
    renewalBehaviour(harness);
    fencingBehaviour(harness);
    reentrantBehaviour(harness);
    readWriteBehaviour(harness);
    semaphoreBehaviour(harness);
    acquireAllBehaviour(harness);
    electionBehaviour(harness);
    latchBehaviour(harness);
    fencedBehaviour(harness);
    inspectBehaviour(harness);
    closeBehaviour(harness);
  });
}
