import type { CompiledPattern } from '@lockstep/core';
import { instant, type Clock, type ErrorHandler, type Instant } from '@lockstep/core';
import { scriptCall } from '@lockstep/redis';
import { indexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { indexLocks, pageOfIndex } from './scripts/index-locks.ts';
import { fenceTouchMs } from './timing.ts';

const buckets = 16;
const pageSize = 200;

/** An entry outlives the lease it was made for by this much, so that a lock used again and again is entered rarely. */
const slackMs = 60_000;

/** How many names a process remembers to have entered. */
const remembered = 10_000;

/** How long a name waits to be written: with others in one call, or not at all when its lock is free again by then. */
const gatherMs = 20;

interface Entry {
  readonly at: Instant;
  readonly forMs: number;
  /** When this process last said how long the fencing counter is kept. */
  readonly touchedAt: Instant;
}

/** A name that is not written yet, and who made it one. */
interface Pending {
  readonly forMs: number;
  readonly holders: Set<object>;
}

/**
 * Which locks may be held, so that they can be listed without a scan: names by hash in 16 buckets, which on Cluster lie
 * in slots of their own. Written up to 20 ms behind the grants, many at once; a name already entered for long enough is
 * not written again, and one whose lock is soon free again not at all. Whoever lists asks each lock itself.
 */
export class LockIndex {
  readonly #places: readonly Place[];
  readonly #clock: Clock;
  readonly #onError: ErrorHandler;
  /** Until when each name is entered, counted from an instant. */
  readonly #entered = new Map<string, Entry>();
  #pending = new Map<string, Pending>();
  #writing: Promise<void> | undefined;
  #writeNow: (() => void) | undefined;

  constructor(places: readonly Place[], clock: Clock, onError: ErrorHandler) {
    this.#places = places;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Whether it is time to say again how long the fencing counter of a name is kept. The next `enter` notes that it was. */
  needsTouch(name: string): boolean {
    const known = this.#entered.get(name);
    return known === undefined || elapsed(known.touchedAt, instant(this.#clock)) > fenceTouchMs;
  }

  /** A lock of this name may be held for `ttlMs` from now, by this holder. */
  enter(name: string, ttlMs: number, holder: object): void {
    const known = this.#entered.get(name);
    const now = instant(this.#clock);
    if (known !== undefined && known.forMs - elapsed(known.at, now) > ttlMs) {
      if (elapsed(known.touchedAt, now) > fenceTouchMs) this.#remember(name, known.forMs, undefined);
      this.#pending.get(name)?.holders.add(holder);
      return;
    }
    const forMs = ttlMs + slackMs;
    this.#remember(name, forMs, known);
    const holders = (this.#pending.get(name)?.holders ?? new Set()).add(holder);
    // A lock that is used again and again is written once, rather than nearly written each time.
    if (known !== undefined) holders.add(this);
    this.#pending.set(name, { forMs, holders });
    this.#writing ??= this.#write();
  }

  /** A holder is done: what waits to be written for nobody else is not written. */
  leave(name: string, holder: object): void {
    const pending = this.#pending.get(name);
    if (pending?.holders.delete(holder) !== true || pending.holders.size > 0) return;
    this.#pending.delete(name);
    const known = this.#entered.get(name);
    if (known !== undefined) this.#entered.set(name, { ...known, forMs: 0 });
    if (this.#pending.size === 0) this.#writeNow?.();
  }

  /** Resolves once what was entered before is written. */
  async flush(): Promise<void> {
    this.#writeNow?.();
    while (this.#writing) await this.#writing;
  }

  /** All names entered at a place, bucket by bucket. */
  async *names(place: Place, pattern: CompiledPattern | undefined): AsyncGenerator<string[]> {
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const { names } = indexKeys(place.lockPrefix, bucket);
      let after = '';
      for (;;) {
        const page = await place.redis.run(pageOfIndex, { names }, { after, limit: pageSize });
        const matching = pattern ? page.filter((name) => pattern.matches(name)) : page;
        if (matching.length > 0) yield matching;
        if (page.length < pageSize) break;
        after = page.at(-1)!;
      }
    }
  }

  async #write(): Promise<void> {
    await this.#gather();
    while (this.#pending.size > 0) {
      const batch = this.#pending;
      this.#pending = new Map();
      await Promise.all(this.#places.map((place) => this.#writeTo(place, batch)));
    }
    this.#writing = undefined;
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(resolve, gatherMs);
      this.#writeNow = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #writeTo(place: Place, batch: ReadonlyMap<string, Pending>): Promise<void> {
    const byBucket = new Map<number, (string | number)[]>();
    for (const [name, { forMs }] of batch) {
      const bucket = bucketOf(name);
      const entries = byBucket.get(bucket) ?? [];
      byBucket.set(bucket, entries);
      entries.push(name, forMs);
    }
    const calls = [...byBucket].map(([bucket, restArgs]) =>
      scriptCall(indexLocks, indexKeys(place.lockPrefix, bucket), {}, { restArgs }),
    );
    const settled = await Promise.allSettled([place.redis.runAll(calls)]);
    const replies = settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : [result]));
    const failed = replies.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    for (const name of batch.keys()) this.#entered.delete(name);
    this.#onError(failed.reason, { source: 'locks', operation: 'index' });
  }

  #remember(name: string, forMs: number, known: Entry | undefined): void {
    const at = instant(this.#clock);
    const touched = known === undefined || this.needsTouch(name);
    this.#entered.delete(name);
    this.#entered.set(name, { at, forMs, touchedAt: touched ? at : known.touchedAt });
    if (this.#entered.size <= remembered) return;
    const [oldest] = this.#entered.keys();
    this.#entered.delete(oldest!);
  }
}

/** As `elapsedSince`, between two readings of the clock. */
function elapsed(start: Instant, now: Instant): number {
  return Math.max(now.monotonic - start.monotonic, now.wall - start.wall, 0);
}

/** FNV-1a over UTF-16 units: the same in every process and release. */
function bucketOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % buckets;
}
