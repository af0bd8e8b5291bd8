import { memoryHarness } from '@lockstep/testing';
import type { BehaviourHarness } from '@lockstep/testing';
import { afterAll, afterEach, describe, inject } from 'vitest';
import { missingCases } from './capabilities.ts';
import { caseGaps } from './case-count.ts';
import { realHarness } from './harness.ts';
import { realTopologies } from './topologies.ts';
import type { RealTopology } from './topologies.ts';

/**
 * Registers a package's behaviour suite on memory and on every real topology that was started, prints how many cases ran
 * where, and fails the file when a real one ran fewer than memory without a reason in `capabilities.ts`.
 */
export function onEveryTopology(suite: string, behaviour: (harness: BehaviourHarness) => void): void {
  const { urls, line, filtered } = inject('redis');
  const onMemory = runOn(suite, memoryHarness(), behaviour);
  const onReal = new Map<RealTopology, readonly string[]>();
  for (const topology of realTopologies) {
    if (urls[topology] !== undefined) onReal.set(topology, runOn(suite, realHarness(topology), behaviour));
  }

  afterAll(() => {
    const counts = [...onReal].map(([topology, cases]) => `${topology} ${cases.length}`);
    console.log(`${suite}: memory ${onMemory.length}, ${counts.join(', ')} cases (${line})`);
    if (filtered) return;
    const gaps = caseGaps(suite, onMemory, onReal, missingCases);
    if (gaps.length > 0) throw new Error(gaps.join('\n'));
  });
}

/** Gives the list that fills with the names of the cases that ran; a skipped case never reaches an `afterEach`. */
function runOn(
  suite: string,
  harness: BehaviourHarness,
  behaviour: (harness: BehaviourHarness) => void,
): readonly string[] {
  const title = `${suite} on ${harness.topology}`;
  const ran: string[] = [];
  describe(title, () => {
    afterEach(({ task }) => void ran.push(task.fullTestName.slice(`${title} > `.length)));
    behaviour(harness);
    afterAll(() => harness[Symbol.asyncDispose]());
  });
  return ran;
}
