import { elapsedSince, instant, sleep, type Clock, type Instant } from '@lockstep/core';

/** Several moves a second are enough: more would only be more calls for the same rate. */
const movesPerSecond = 10;

/** Spreads work evenly: never more than the rate allows since the first unit, counted in units per second. */
export class Pace {
  readonly #clock: Clock;
  readonly #ratePerSecond: number;
  #start: Instant | undefined;
  #spent = 0;

  constructor(clock: Clock, ratePerSecond: number) {
    this.#clock = clock;
    this.#ratePerSecond = ratePerSecond;
  }

  /** The most units to spend at once. */
  get burst(): number {
    return Math.max(1, Math.floor(this.#ratePerSecond / movesPerSecond));
  }

  /** Waits until what was spent before has been earned, then spends `units`. */
  async spend(units: number, signal: AbortSignal | undefined): Promise<void> {
    this.#start ??= instant(this.#clock);
    const earnedAfterMs = (this.#spent / this.#ratePerSecond) * 1_000;
    const waitMs = earnedAfterMs - elapsedSince(this.#clock, this.#start);
    this.#spent += units;
    if (waitMs > 0) await sleep(this.#clock, waitMs, { signal });
  }
}
