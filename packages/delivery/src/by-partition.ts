import type { Lanes } from './lanes.ts';
import { partitionOf } from './routing.ts';
import type { Store } from './store.ts';

/** Bounds what a script over ids does at once. */
const idsPerCall = 200;

export interface PartitionAccess {
  readonly store: Store;
  /** For numbered calls. */
  readonly lanes: Lanes;
}

/** Asks for one id: first the partition it belongs to by itself, then, if that has nothing, all others. */
export async function findIn<T>(
  partitions: readonly PartitionAccess[],
  id: string,
  ask: (partition: PartitionAccess) => Promise<T | undefined>,
): Promise<T | undefined> {
  const home = partitionOf(id, partitions.length);
  const found = await ask(partitions[home]!);
  if (found !== undefined || partitions.length === 1) return found;
  const others = await Promise.all(partitions.filter((_, index) => index !== home).map(ask));
  return others.find((result) => result !== undefined);
}

/** Does something to many ids, wherever they are; gives those it was done to, in their order. */
export async function applyTo(
  partitions: readonly PartitionAccess[],
  ids: readonly string[],
  apply: (partition: PartitionAccess, ids: readonly string[]) => Promise<readonly boolean[]>,
): Promise<string[]> {
  const done = new Set<string>();
  const byHome = groupByHome(ids, partitions.length);
  for (const [home, group] of byHome) {
    await inSlices(partitions[home]!, group, apply, done);
  }
  // An item that was routed by something else than its id is in another partition.
  for (const [index, partition] of partitions.entries()) {
    const missing = ids.filter((id) => !done.has(id) && partitionOf(id, partitions.length) !== index);
    await inSlices(partition, missing, apply, done);
  }
  return ids.filter((id) => done.has(id));
}

async function inSlices(
  partition: PartitionAccess,
  ids: readonly string[],
  apply: (partition: PartitionAccess, ids: readonly string[]) => Promise<readonly boolean[]>,
  done: Set<string>,
): Promise<void> {
  for (let at = 0; at < ids.length; at += idsPerCall) {
    const slice = ids.slice(at, at + idsPerCall);
    const results = await apply(partition, slice);
    slice.forEach((id, index) => results[index] === true && done.add(id));
  }
}

function groupByHome(ids: readonly string[], partitions: number): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const id of ids) {
    const home = partitionOf(id, partitions);
    const group = groups.get(home);
    if (group) group.push(id);
    else groups.set(home, [id]);
  }
  return groups;
}
