import { atLeast, type Table } from '../src/benchmark.ts';
import { times, withRange } from '../src/format.ts';
import type { Standing } from '../src/interleave.ts';
import { bullmq, ours } from './contender.ts';

/** Tasks per second of each contender, and how many times BullMQ's that is. */
export function throughputTable(
  title: string,
  standings: readonly Standing[],
  bar: number | undefined,
): Table {
  const ratio = standings.find(({ name }) => name === ours)!.ratio.median;
  return {
    title,
    columns: ['', 'tasks/s', `times ${bullmq}`],
    rows: standings.map(({ name, figure, ratio: against }) => [
      name,
      withRange(figure),
      withRange(against, times),
    ]),
    bars: bar === undefined ? [] : [atLeast(`>= ${bar}x ${bullmq}`, bar, ratio, times)],
    data: standings,
  };
}
