import type { Clock, Timer } from './clock.ts';
import type { LeaseValidity } from './lease.ts';

/** No timer need be set for less than this: it bounds how often a watch with leases about to end wakes. */
const shortestWaitMs = 1;

/**
 * One timer for all leases of an engine. It aborts each lease's signal just before its deadline, also when Redis is
 * frozen, because it needs nothing but the local clock.
 */
export class LeaseWatch {
  readonly #clock: Clock;
  readonly #leases = new Map<LeaseValidity, (() => void) | undefined>();
  #timer: Timer | undefined;
  #dueAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Watches a lease; `onExpired` is called after its signal aborted. */
  add(lease: LeaseValidity, onExpired?: () => void): void {
    this.#leases.set(lease, onExpired);
    // The usual lease ends after those before it.
    if (lease.abortDueAt < this.#dueAt) this.#armFor(lease.untilAbortMs());
  }

  delete(lease: LeaseValidity): void {
    this.#leases.delete(lease);
    if (this.#leases.size === 0) this.#disarm();
  }

  /** A lease's deadline came nearer (extended to a shorter time). Later deadlines need no call. */
  update(lease: LeaseValidity): void {
    if (this.#leases.has(lease)) this.#armFor(lease.untilAbortMs());
  }

  /** Ends every lease whose time is up. Runs in the first timer phase after a stall; may be called at any time. */
  sweep(): void {
    this.#disarm();
    const expired = this.#takeExpired();
    for (const [lease] of expired) lease.lose('expired');
    // Callbacks come last: one that throws must not keep a signal from aborting or the timer from being set.
    for (const [, onExpired] of expired) onExpired?.();
  }

  close(): void {
    this.#leases.clear();
    this.#disarm();
  }

  /** Removes the leases whose time is up and arms the timer for the first of the others. */
  #takeExpired(): [LeaseValidity, (() => void) | undefined][] {
    const expired: [LeaseValidity, (() => void) | undefined][] = [];
    let next = Infinity;
    for (const entry of this.#leases) {
      const left = entry[0].untilAbortMs();
      if (left > 0) next = Math.min(next, left);
      else expired.push(entry);
    }
    for (const [lease] of expired) this.#leases.delete(lease);
    if (next < Infinity) this.#armFor(next);
    return expired;
  }

  #armFor(delayMs: number): void {
    const wait = Math.max(delayMs, shortestWaitMs);
    const dueAt = this.#clock.monotonic() + wait;
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.setTimer(() => this.sweep(), wait);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueAt = Infinity;
  }
}
