export interface Quantiles {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest rank; zeros for no values. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? 0;
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** With no violation among n independent tries, the true rate is below this with 95 % confidence: 3/n. */
export function upperBound(n: number): string {
  return n === 0 ? 'n = 0' : (3 / n).toExponential(1);
}
