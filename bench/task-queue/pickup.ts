import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, type Benchmark } from '../src/benchmark.ts';
import { short, times, withRange } from '../src/format.ts';
import { interleave } from '../src/interleave.ts';
import { percentile } from '../src/statistics.ts';
import { bullmq, ours, withQueue, type Contender } from './contender.ts';
import { contenders } from './contenders.ts';

const tasksPerRound = 100;
const pauseMs = 4;

/** A worker that has nothing to do, and a task for it: the time from `add` to the call of its handler. */
export const pickupBenchmark: Benchmark = {
  async run({ server, rounds }) {
    const all = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    const standings = await interleave({
      baseline: bullmq,
      rounds,
      contestants: contenders.map((contender) => ({
        name: contender.name,
        measure: async () => {
          const latencies = await pickups(contender, server.url);
          all.get(contender.name)!.push(...latencies);
          return percentile(latencies.toSorted(rising), 0.5);
        },
      })),
    });
    const p99 = (name: string): number => percentile(all.get(name)!.toSorted(rising), 0.99);
    const rows = standings.map(({ name, figure, ratio }) => [
      name,
      withRange(figure),
      withRange(ratio, times),
      short(p99(name)),
    ]);
    return [
      {
        title: 'Pickup by an idle worker',
        columns: ['', 'p50 ms', `times ${bullmq}`, 'p99 ms of all'],
        rows,
        bars: [atMost(`p99 <= ${bullmq}'s (${short(p99(bullmq))} ms)`, p99(bullmq), p99(ours), short)],
        data: standings,
      },
    ];
  },
};

const rising = (a: number, b: number): number => a - b;

function pickups(contender: Contender, url: string): Promise<number[]> {
  return withQueue(contender, url, async (queue) => {
    let picked: () => void = () => {};
    const worker = await queue.prepareWorker(1, () => picked());
    worker.run();
    const latencies: number[] = [];
    // The first ones find the worker still on its way to sleep.
    for (let n = -5; n < tasksPerRound; n += 1) {
      await sleep(pauseMs);
      const start = performance.now();
      const handled = new Promise<void>((resolve) => {
        picked = resolve;
      });
      await Promise.all([queue.add(), handled]);
      if (n >= 0) latencies.push(performance.now() - start);
    }
    return latencies;
  });
}
