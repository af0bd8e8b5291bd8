import { instant, type Clock, type Instant } from '@lockstep/core';

/** A step back of the server's clock: leases end that much later by its own reckoning. */
export interface ClockStep {
  /** When it was noticed, in local wall-clock milliseconds. */
  readonly noticedAt: number;
  readonly backMs: number;
}

const toleratedStepMs = 1_000;
/** Two clocks that nobody disciplines drift apart by less than this share of the time between two samples. */
const toleratedDrift = 0.001;

/**
 * An estimate of the server's clock, for deadlines that the server judges. Off by at most the round trip of the last
 * sample plus what the clocks drifted since; a step of the server's clock shows as a late reply and is sampled again.
 */
export class ServerClock {
  readonly #clock: Clock;
  readonly #read: () => Promise<number>;
  #sample: { readonly serverMs: number; readonly at: Instant } | undefined;
  #step: ClockStep | undefined;

  constructor(clock: Clock, read: () => Promise<number>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** The latest step back of more than 1 s that a sample showed. */
  get step(): ClockStep | undefined {
    return this.#step;
  }

  /** Asks the server. Assumes the reply's time is that of its arrival, so an estimate runs late, never early. */
  async sample(): Promise<number> {
    // What the server reads later than this; a reply that was held up is no step.
    const expected = this.#sample && this.now();
    const serverMs = await this.#read();
    if (expected !== undefined) this.#judge(expected - serverMs);
    this.#sample = { serverMs, at: instant(this.#clock) };
    return serverMs;
  }

  /** Milliseconds since the epoch on the server, or the local clock's before the first sample. */
  now(): number {
    if (this.#sample === undefined) return this.#clock.now();
    return this.#sample.serverMs + (this.#clock.monotonic() - this.#sample.at.monotonic);
  }

  #judge(backMs: number): void {
    const sinceSample = this.#clock.monotonic() - this.#sample!.at.monotonic;
    if (backMs <= toleratedStepMs + sinceSample * toleratedDrift) return;
    this.#step = { noticedAt: this.#clock.now(), backMs: Math.round(backMs) };
  }
}
