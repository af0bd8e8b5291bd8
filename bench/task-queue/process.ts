import type { Benchmark, Table } from '../src/benchmark.ts';
import { interleave } from '../src/interleave.ts';
import { bullmq, withQueue, type Contender } from './contender.ts';
import { contenders } from './contenders.ts';
import { throughputTable } from './throughput-table.ts';

interface Shape {
  readonly concurrency: number;
  readonly tasks: number;
  readonly bar: number;
}

const shapes: readonly Shape[] = [
  { concurrency: 1, tasks: 2_000, bar: 1.4 },
  { concurrency: 10, tasks: 5_000, bar: 3 },
  { concurrency: 100, tasks: 10_000, bar: 4 },
];

/** One worker works off a backlog; the handler does nothing. */
export const processBenchmark: Benchmark = {
  async run({ server, rounds }) {
    const tables: Table[] = [];
    for (const shape of shapes) {
      const standings = await interleave({
        baseline: bullmq,
        rounds,
        contestants: contenders.map((contender) => ({
          name: contender.name,
          measure: () => tasksPerSecond(contender, server.url, shape),
        })),
      });
      tables.push(throughputTable(`Process, concurrency ${shape.concurrency}`, standings, shape.bar));
    }
    return tables;
  },
};

/** From the moment the worker starts until its handler was called for the last task. */
function tasksPerSecond(contender: Contender, url: string, { concurrency, tasks }: Shape): Promise<number> {
  return withQueue(contender, url, async (queue) => {
    await queue.addMany(tasks);
    let handled = 0;
    let finish: () => void;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const worker = await queue.prepareWorker(concurrency, () => {
      handled += 1;
      if (handled === tasks) finish();
    });
    const start = performance.now();
    worker.run();
    await finished;
    return (tasks * 1_000) / (performance.now() - start);
  });
}
