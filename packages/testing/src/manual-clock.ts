import type { Clock, Timer } from '@lockstep/core';

export interface ManualClockOptions {
  /** Wall-clock start. @defaultValue 2026-01-05T08:00:00.000Z, a Monday */
  readonly startAt?: number | undefined;
}

/** Removes the listener it was returned for. */
export type RemoveListener = () => void;

interface PendingTimer {
  readonly dueAt: number;
  readonly fire: () => void;
}

const defaultStart = Date.UTC(2026, 0, 5, 8);

/** Neither clock may look like a fresh process: code that treats 0 as "never" would pass its tests. */
const monotonicStart = 250_000;

/** setTimeout never waits less, so a timer that arms itself again with 0 ms cannot stop time from advancing. */
const shortestDelay = 1;

/**
 * An ioredis-mock reply takes promises and `process.nextTick`, which one turn drains; the rest is for code that
 * yields with `setImmediate` itself. An idle turn costs a few microseconds.
 */
const turnsToSettle = 12;

/**
 * A clock that moves when it is told to. Timers fire in the order of their due times, and everything a timer started
 * that needs no further time (chains of awaits, replies of `memory://`) is done before the next one fires.
 */
export class ManualClock implements Clock {
  readonly #timers = new Set<PendingTimer>();
  readonly #listeners = new Set<(now: number) => void>();
  #monotonic = monotonicStart;
  #wallOffset: number;
  #advances: Promise<unknown> = Promise.resolve();

  constructor(options: ManualClockOptions = {}) {
    this.#wallOffset = (options.startAt ?? defaultStart) - monotonicStart;
  }

  now(): number {
    return this.#monotonic + this.#wallOffset;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Fires `delayMs` of {@link advance} later, at least 1 ms; the wall clock does not matter. */
  setTimer(fire: () => void, delayMs: number): Timer {
    const timer: PendingTimer = { fire, dueAt: this.#monotonic + Math.max(delayMs, shortestDelay) };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** How many timers are armed. A suite that ends with some left behind leaks them. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Moves both clocks by `ms`, stopping at each due timer on the way. Calls that overlap run one after another.
   * Rejects with what a timer threw; the clock then stands at that timer.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`a clock advances by 0 ms or more, got ${ms}`);
    const advanced = this.#advances.then(() => this.#advanceTo(this.#monotonic + ms));
    this.#advances = advanced.catch(() => undefined);
    return advanced;
  }

  /** Steps the wall clock alone, either way, as an operator or NTP does. No timer fires. */
  stepWall(ms: number): void {
    this.#wallOffset += ms;
    this.#announce();
  }

  /** Called with `now()` after every move and step, before the timers due then. */
  onAdvance(listener: (now: number) => void): RemoveListener {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #advanceTo(target: number): Promise<void> {
    await settle();
    for (let next = this.#nextDue(target); next !== undefined; next = this.#nextDue(target)) {
      this.#timers.delete(next);
      this.#moveTo(next.dueAt);
      next.fire();
      await settle();
    }
    this.#moveTo(target);
    await settle();
  }

  #nextDue(target: number): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= target && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  #moveTo(monotonic: number): void {
    if (monotonic <= this.#monotonic) return;
    this.#monotonic = monotonic;
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) listener(this.now());
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < turnsToSettle; turn++) await new Promise((resolve) => setImmediate(resolve));
}
