import { operationsOf } from '@lockstep/testing';
import type { History, Operation } from '@lockstep/testing';

/** The runs of each task in the order of their fencing tokens. */
export type RunsById = ReadonlyMap<string, readonly Operation[]>;

/** A run that began although the lease of the one before it was good. */
export interface Overlap {
  readonly id: string;
  readonly first: Operation;
  readonly second: Operation;
  /** How much of the first one's lease was left. */
  readonly leftMs: number;
}

export function runsById(history: History): RunsById {
  const runs = new Map<string, Operation[]>();
  for (const operation of operationsOf(history)) {
    if (operation.f !== 'run') continue;
    const others = runs.get(operation.key);
    if (others === undefined) runs.set(operation.key, [operation]);
    else others.push(operation);
  }
  for (const [id, list] of runs) {
    runs.set(
      id,
      list.toSorted((a, b) => (a.token ?? 0) - (b.token ?? 0)),
    );
  }
  return runs;
}

/** The runs that no expired lease explains. What a process last knew of its lease is at most what Redis granted. */
export function unexplainedRuns(runs: RunsById): Overlap[] {
  const overlaps: Overlap[] = [];
  forEachPair(runs, (id, first, second) => {
    const leftMs = (first.until ?? Infinity) - second.invokedAt;
    if (leftMs > 0) overlaps.push({ id, first, second, leftMs });
  });
  return overlaps;
}

/** Ids whose runs began in another order than that of their tokens, or shared one. */
export function tokenDisorder(runs: RunsById): string[] {
  const ids: string[] = [];
  forEachPair(runs, (id, first, second) => {
    if (first.token === second.token || second.invokedAt <= first.invokedAt) ids.push(id);
  });
  return ids;
}

/** Each run with the next one of the same task. */
function forEachPair(runs: RunsById, visit: (id: string, first: Operation, second: Operation) => void): void {
  for (const [id, list] of runs) {
    for (let at = 1; at < list.length; at += 1) visit(id, list[at - 1]!, list[at]!);
  }
}

/** A history without the runs that were never seen to end: those of a killed process did nothing for certain. */
export function endedRuns(history: History): History {
  const ended = new Set<string>();
  for (const { process, op, type } of history) if (type === 'ok') ended.add(`${process} ${op}`);
  return history.filter(({ f, process, op }) => f !== 'run' || ended.has(`${process} ${op}`));
}
