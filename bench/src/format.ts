import type { Spread } from './statistics.ts';

/** Three significant digits, thousands as `k`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 10_000) return `${Number((value / 1_000).toPrecision(3))}k`;
  return `${Number(value.toPrecision(3))}`;
}

/** `12.3 (11.9..14.1)`: the median, and the quartiles of all rounds. The extremes are in the JSON file. */
export function withRange(figure: Spread, show: (value: number) => string = short): string {
  return `${show(figure.median)} (${show(figure.lowerQuartile)}..${show(figure.upperQuartile)})`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}

export function percent(ratio: number): string {
  return `${((ratio - 1) * 100).toFixed(1)} %`;
}
