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

const firsts = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * Makes ids of items. Those made one after another are alike but for their first character: they lie in the same hash
 * (see `bucketOf`), so that a batch of them costs Redis a command and not one per item.
 */
export class ItemIds {
  readonly #random: Random;
  readonly #partitions: number;
  #common = '';
  #next: number = firsts.length;

  constructor(random: Random, partitions: number) {
    this.#random = random;
    this.#partitions = partitions;
  }

  /** With a `route`, one that lies in the partition of it, so that it is found by itself; about `partitions` hash steps. */
  create(route: string | undefined): string {
    const id = this.#unrouted();
    if (this.#partitions === 1 || route === undefined) return id;
    const wanted = partitionOf(route, this.#partitions);
    const start = hash(id);
    for (let tail = 0; ; tail += 1) {
      const suffix = tail.toString(36);
      if (hash(suffix, start) % this.#partitions === wanted) return id + suffix;
    }
  }

  #unrouted(): string {
    if (this.#next === firsts.length) {
      this.#common = this.#random.id();
      this.#next = 0;
    }
    this.#next += 1;
    return firsts.charAt(this.#next - 1) + this.#common;
  }
}
