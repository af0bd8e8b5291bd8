import type { Random } from '@lockstep/core';

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/** FNV-1a over UTF-16 units, continued from an earlier hash. Part of the layout: all processes route alike. */
function hash(text: string, from = offsetBasis): number {
  let value = from;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), prime);
  return value >>> 0;
}

/** The partition of a route: an item's `routeBy`, or its id. */
export function partitionOf(route: string, partitions: number): number {
  return partitions === 1 ? 0 : hash(route) % partitions;
}

/** A new id that lies in the partition of `route`, so that it is found by itself; about `partitions` hash steps. */
export function createId(random: Random, partitions: number, route: string | undefined): string {
  const id = random.id();
  if (partitions === 1 || route === undefined) return id;
  const wanted = partitionOf(route, partitions);
  const start = hash(id);
  for (let tail = 0; ; tail += 1) {
    const suffix = tail.toString(36);
    if (hash(suffix, start) % partitions === wanted) return id + suffix;
  }
}
