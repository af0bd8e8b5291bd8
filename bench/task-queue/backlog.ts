import { connect } from '@lockstep/redis';
import { createQueue, task } from '@lockstep/task-queue';
import { z } from 'zod';
import { atMost, type Benchmark, type Table } from '../src/benchmark.ts';
import { times, withRange } from '../src/format.ts';
import { interleave, type Contestant } from '../src/interleave.ts';
import { microsPerCall } from '../src/load.ts';
import { freshName, payload } from './contender.ts';

const small = 1_000;
const large = 1_000_000;
const slice = 1_000;
const limit = 1.3;

/** Whether adding and claiming get slower when a million tasks wait. */
export const backlogBenchmark: Benchmark = {
  async run({ server, rounds }) {
    await using few = await openBacklog(server.url, small);
    await using many = await openBacklog(server.url, large);
    const compare = async (title: string, step: 'add' | 'work'): Promise<Table> => {
      const contestants: Contestant[] = [few, many].map((backlog) => ({
        name: backlog.name,
        measure: () => backlog[step](),
      }));
      const standings = await interleave({ baseline: few.name, rounds, contestants });
      const ratio = standings[1]!.ratio.median;
      return {
        title,
        columns: ['', 'us per task', `times ${few.name}`],
        rows: standings.map(({ name, figure, ratio: against }) => [
          name,
          withRange(figure),
          withRange(against, times),
        ]),
        bars: [atMost(`flat within ${limit}x`, limit, ratio, times)],
        data: standings,
      };
    };
    return [
      await compare('Add with a backlog', 'add'),
      await compare('Work with a backlog, concurrency 10', 'work'),
    ];
  },
};

interface Backlog extends AsyncDisposable {
  readonly name: string;
  /** Adds a slice one by one; microseconds per task. */
  readonly add: () => Promise<number>;
  /** Works off a slice; microseconds per task. */
  readonly work: () => Promise<number>;
}

async function openBacklog(url: string, size: number): Promise<Backlog> {
  const redis = await connect(url, { prefix: 'bench:' });
  const queue = createQueue({
    redis,
    name: freshName(),
    tasks: { echo: task({ input: z.object({ text: z.string() }) }) },
  });
  const entries = Array.from({ length: slice }, () => ({ name: 'echo', input: payload }) as const);
  for (let added = 0; added < size; added += slice) await queue.enqueueMany(entries);
  return {
    name: `${size} waiting`,
    add: () => microsPerCall(slice, 1, () => queue.enqueue('echo', payload)),
    async work() {
      let handled = 0;
      let finish: () => void;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const echo = (): void => {
        handled += 1;
        if (handled === slice) finish();
      };
      const worker = queue.worker({ concurrency: 10, handlers: { echo } });
      const start = performance.now();
      await worker.start();
      await finished;
      const micros = ((performance.now() - start) * 1_000) / slice;
      await worker.stop();
      await queue.enqueueMany(entries);
      return micros;
    },
    async [Symbol.asyncDispose]() {
      await queue.obliterate();
      await redis.close();
    },
  };
}
