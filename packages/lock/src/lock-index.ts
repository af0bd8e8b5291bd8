import type { CompiledPattern } from '@lockstep/core';
import { instant, type Clock, type ErrorHandler, type Instant, type Timer } from '@lockstep/core';
import { inTime } from './answers.ts';
import { ballot } from './ballot.ts';
import { majority } from './claim.ts';
import { buckets, IndexWriter } from './index-writer.ts';
import { indexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { pageOfIndex } from './scripts/index-locks.ts';
import { fenceTouchMs } from './timing.ts';

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
  touchedAt: Instant | undefined;
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
  readonly #clock: Clock;
  /** Until when each name is entered, counted from an instant. */
  readonly #entered = new Map<string, Entry>();
  readonly #writers: readonly IndexWriter[];
  #pending = new Map<string, Pending>();
  /** Ends the gathering. */
  #timer: Timer | undefined;
  /** A place could not be written to. */
  #isBehind = false;

  constructor(places: readonly Place[], clock: Clock, onError: ErrorHandler) {
    this.#clock = clock;
    const onBehind = (): void => void (this.#isBehind = true);
    const onDropped = (name: string): void => void this.#entered.delete(name);
    this.#writers = places.map(
      (place) => new IndexWriter({ place, onError, onBehind, onDropped, most: remembered }),
    );
  }

  /** Whether it is time to say again how long the fencing counter of a name is kept. An `enter` notes that it was. */
  needsTouch(name: string): boolean {
    const touchedAt = this.#entered.get(name)?.touchedAt;
    return touchedAt === undefined || elapsed(touchedAt, instant(this.#clock)) > fenceTouchMs;
  }

  /** A lock of this name may be held for `ttlMs` from now, by this holder, who has `touched` its fencing counter or not. */
  enter(name: string, ttlMs: number, holder: object, touched = false): void {
    const known = this.#entered.get(name);
    const now = instant(this.#clock);
    if (known !== undefined && known.forMs - elapsed(known.at, now) > ttlMs) {
      if (touched) known.touchedAt = now;
      this.#pending.get(name)?.holders.add(holder);
      if (this.#isBehind) this.catchUp();
      return;
    }
    const forMs = ttlMs + slackMs;
    this.#remember(name, { at: now, forMs, touchedAt: touched ? now : known?.touchedAt });
    const holders = (this.#pending.get(name)?.holders ?? new Set()).add(holder);
    // A lock that is used again and again is written once, rather than nearly written each time.
    if (known !== undefined) holders.add(this);
    this.#pending.set(name, { forMs, holders });
    if (this.#timer === undefined) this.#timer = this.#clock.setTimer(() => this.#write(), gatherMs);
    else if (this.#pending.size === 1) this.#timer.keepAlive?.(true);
  }

  /** A holder is done: what waits to be written for nobody else is not written. */
  leave(name: string, holder: object): void {
    const pending = this.#pending.get(name);
    if (pending?.holders.delete(holder) !== true || pending.holders.size > 0) return;
    this.#pending.delete(name);
    const known = this.#entered.get(name);
    if (known !== undefined) this.#entered.set(name, { ...known, forMs: 0 });
    if (this.#pending.size === 0) this.#letGo();
  }

  /** Tries again what could not be written. */
  catchUp(): void {
    this.#isBehind = false;
    for (const writer of this.#writers) writer.write(new Map());
  }

  /** Resolves once what was entered before is written, or could not be; of several places by a majority. */
  async flush(): Promise<void> {
    this.#write();
    this.catchUp();
    const written = this.#writers.map((writer) => writer.written());
    await ballot(written, majority(written.length));
  }

  /** All names entered at a place, bucket by bucket. */
  async *names(place: Place, pattern: CompiledPattern | undefined): AsyncGenerator<string[]> {
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const { names } = indexKeys(place.lockPrefix, bucket);
      let after = '';
      for (;;) {
        const reading = place.redis.run(pageOfIndex, { names }, { after, limit: pageSize });
        // Of several places one may be silent: the others are enough.
        const page = await (this.#writers.length > 1 ? inTime(place, 'list', reading) : reading);
        const matching = pattern ? page.filter((name) => pattern.matches(name)) : page;
        if (matching.length > 0) yield matching;
        if (page.length < pageSize) break;
        after = page.at(-1)!;
      }
    }
  }

  /** Nothing waits to be written: a timer that finds so costs less than one for each lock that is soon free again. */
  #letGo(): void {
    if (this.#timer?.keepAlive === undefined) this.#stopGathering();
    else this.#timer.keepAlive(false);
  }

  #stopGathering(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #write(): void {
    this.#stopGathering();
    const batch = new Map([...this.#pending].map(([name, { forMs }]) => [name, forMs]));
    this.#pending = new Map();
    for (const writer of this.#writers) writer.write(batch);
  }

  #remember(name: string, entry: Entry): void {
    this.#entered.delete(name);
    this.#entered.set(name, entry);
    if (this.#entered.size <= remembered) return;
    const [oldest] = this.#entered.keys();
    this.#entered.delete(oldest!);
  }
}

/** As `elapsedSince`, between two readings of the clock. */
function elapsed(start: Instant, now: Instant): number {
  return Math.max(now.monotonic - start.monotonic, now.wall - start.wall, 0);
}
