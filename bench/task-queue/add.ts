import type { Benchmark, Table } from '../src/benchmark.ts';
import { interleave } from '../src/interleave.ts';
import { microsPerCall, perSecond } from '../src/load.ts';
import { bullmq, withQueue, type OpenQueue } from './contender.ts';
import { contenders } from './contenders.ts';
import { throughputTable } from './throughput-table.ts';

interface Shape {
  readonly title: string;
  readonly bar: number | undefined;
  measure(queue: OpenQueue): Promise<number>;
}

const bulk = 1_000;
const bulks = 10;

const shapes: readonly Shape[] = [
  {
    title: 'Add, one after the other',
    bar: undefined,
    measure: async (queue) => perSecond(await microsPerCall(2_000, 1, () => queue.add())),
  },
  {
    title: 'Add, 100 in flight',
    bar: 3,
    measure: async (queue) => perSecond(await microsPerCall(20_000, 100, () => queue.add())),
  },
  {
    title: `Add in bulk, ${bulk} a call`,
    bar: 8,
    measure: async (queue) => bulk * perSecond(await microsPerCall(bulks, 1, () => queue.addMany(bulk))),
  },
];

/** Producers, no worker. */
export const addBenchmark: Benchmark = {
  async run({ server, rounds }) {
    const tables: Table[] = [];
    for (const shape of shapes) {
      const standings = await interleave({
        baseline: bullmq,
        rounds,
        contestants: contenders.map((contender) => ({
          name: contender.name,
          measure: () => withQueue(contender, server.url, (queue) => shape.measure(queue)),
        })),
      });
      tables.push(throughputTable(shape.title, standings, shape.bar));
    }
    return tables;
  },
};
