import type { MissingCase } from './capabilities.ts';
import type { RealTopology } from './topologies.ts';

/** What the rule finds wrong: cases that memory has and a real topology has not, and exceptions that are none. */
export function caseGaps(
  suite: string,
  onMemory: readonly string[],
  onReal: ReadonlyMap<RealTopology, readonly string[]>,
  missing: readonly MissingCase[],
): string[] {
  const gaps: string[] = [];
  for (const [topology, cases] of onReal) {
    const excused = missing.filter((entry) => entry.suite === suite && entry.topology === topology);
    const allowed = new Set(excused.map(({ name }) => name));
    const ran = new Set(cases);
    for (const name of onMemory) {
      if (!ran.has(name) && !allowed.has(name))
        gaps.push(`${suite}: "${name}" runs on memory, not on ${topology}`);
    }
    for (const { name } of excused) {
      if (ran.has(name) || !onMemory.includes(name))
        gaps.push(`${suite}: "${name}" is no exception on ${topology}`);
    }
  }
  return gaps;
}
