/** Quantiles of the latest measurements; `undefined` before the first. */
export interface Quantiles {
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** How many measurements they are taken from. */
  readonly samples: number;
}

const capacity = 512;

/** The latest measurements in milliseconds. Recording costs a store; sorting is left to whoever asks. */
export class LatencyWindow {
  readonly #ring = new Float64Array(capacity);
  #recorded = 0;

  record(ms: number): void {
    this.#ring[this.#recorded % capacity] = ms;
    this.#recorded += 1;
  }

  quantiles(): Quantiles {
    const samples = Math.min(this.#recorded, capacity);
    const sorted = this.#ring.slice(0, samples).sort();
    const at = (share: number): number | undefined => sorted[Math.ceil(share * samples) - 1];
    return { p50: at(0.5), p99: at(0.99), samples };
  }
}
