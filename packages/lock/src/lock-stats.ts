/** What locks did since they were created. */
export interface LockStats {
  /** Leases granted. */
  readonly acquired: number;
  /** Acquisitions whose first attempt found the lock busy. */
  readonly contended: number;
  /** How long the last 1,024 granted acquisitions took, in ms. */
  readonly waitedMs: { readonly p50: number; readonly p99: number };
  /** Acquisitions that gave up after `waitMs`. */
  readonly timeouts: number;
  /** Leases that ended without a release: expired, or refused by Redis. */
  readonly lost: number;
  /** Renewals that were granted, background and by `extend`. */
  readonly extended: number;
  readonly released: number;
  /** Leases held now. */
  readonly held: number;
  /** Acquisitions that wait now. */
  readonly waiting: number;
}

const sampleSize = 1_024;

/** Counts as locks work. */
export class StatsRecorder {
  acquired = 0;
  contended = 0;
  timeouts = 0;
  lost = 0;
  extended = 0;
  released = 0;
  waiting = 0;
  readonly #waits: number[] = [];
  #next = 0;

  granted(waitedMs: number): void {
    this.acquired += 1;
    this.#waits[this.#next] = waitedMs;
    this.#next = (this.#next + 1) % sampleSize;
  }

  snapshot(held: number): LockStats {
    const { acquired, contended, timeouts, lost, extended, released, waiting } = this;
    const sorted = [...this.#waits].sort((a, b) => a - b);
    const waitedMs = { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
    return { acquired, contended, waitedMs, timeouts, lost, extended, released, held, waiting };
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}
