import type { Clock } from '@lockstep/core';

/** What the workers of this queue object measured lately: of this process alone, never of the fleet. */
export interface LocalStats {
  /** Tasks run per second, whatever came of them, over the last minute. */
  readonly throughput: number;
  /** From the moment a task was due to the start of its handler; first deliveries, the last 1,000 of them. */
  readonly waitMs: Quantiles;
  /** How long handlers took; the last 1,000. */
  readonly runMs: Quantiles;
}

/** `undefined` before the first sample. */
export interface Quantiles {
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

const sampleCount = 1_000;
const windowSeconds = 60;

/** The last samples of one quantity. */
class Samples {
  readonly #values: number[] = [];
  #next = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % sampleCount;
  }

  quantiles(): Quantiles {
    const sorted = this.#values.toSorted((a, b) => a - b);
    const at = (share: number): number | undefined => sorted[Math.ceil(sorted.length * share) - 1];
    return { p50: at(0.5), p99: at(0.99) };
  }
}

/** Counts per second of the last minute. */
class Rate {
  readonly #clock: Clock;
  readonly #counts = Array.from({ length: windowSeconds }, () => ({ second: -1, count: 0 }));
  readonly #firstMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#firstMs = clock.monotonic();
  }

  add(now: number): void {
    const second = secondOf(now);
    const slot = this.#counts[second % windowSeconds]!;
    if (slot.second !== second) Object.assign(slot, { second, count: 0 });
    slot.count += 1;
  }

  perSecond(): number {
    const now = this.#clock.monotonic();
    const second = secondOf(now);
    const total = this.#counts.reduce(
      (sum, slot) => (slot.second > second - windowSeconds ? sum + slot.count : sum),
      0,
    );
    // A process that has just started is not measured against a whole minute.
    const elapsed = Math.max((now - this.#firstMs) / 1_000, 1);
    return total / Math.min(elapsed, windowSeconds);
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1_000);
}

/** Measures the tasks that this process runs. Costs a few additions per task. */
export class Timings {
  readonly #wait = new Samples();
  readonly #run = new Samples();
  readonly #rate: Rate;

  constructor(clock: Clock) {
    this.#rate = new Rate(clock);
  }

  waited(ms: number): void {
    // The server's clock is estimated here: a task may seem to have been claimed before it was due.
    this.#wait.add(Math.max(ms, 0));
  }

  /** A handler took `ms` and came back at `now`, by the monotonic clock. */
  ran(ms: number, now: number): void {
    this.#run.add(ms);
    this.#rate.add(now);
  }

  read(): LocalStats {
    return {
      throughput: this.#rate.perSecond(),
      waitMs: this.#wait.quantiles(),
      runMs: this.#run.quantiles(),
    };
  }
}
