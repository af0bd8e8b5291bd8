import { describe } from 'vitest';
import { quorumFaults } from './quorum/faults.ts';
import { quorumLocks } from './quorum/locks.ts';
import type { MastersHarness } from './quorum/masters-harness.ts';

/** What locks do over independent masters. */
export function quorumBehaviour(harness: MastersHarness): void {
  describe('quorum locks', { timeout: 60_000 }, () => {
    quorumLocks(harness);
    quorumFaults(harness);
  });
}
