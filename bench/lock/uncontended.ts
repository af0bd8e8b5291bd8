import { atLeast, type BenchContext, type Benchmark, type Table } from '../src/benchmark.ts';
import { times, withRange } from '../src/format.ts';
import { interleave } from '../src/interleave.ts';
import { microsPerCall, perSecond } from '../src/load.ts';
import { freshName, ours, redisSemaphore, type Contender, type OpenLocks } from './contender.ts';
import { contenders } from './contenders.ts';

interface Shape {
  readonly title: string;
  readonly inFlight: number;
  readonly cycles: number;
  /** Of redis-semaphore's throughput. */
  readonly bar: number;
}

const shapes: readonly Shape[] = [
  { title: 'one after the other', inFlight: 1, cycles: 2_000, bar: 0.75 },
  { title: '50 in flight', inFlight: 50, cycles: 10_000, bar: 1 },
];

/** Acquire and release locks that nobody else wants. */
export const uncontended: Benchmark = {
  async run(context) {
    const tables: Table[] = [];
    for (const shape of shapes) tables.push(await compare(shape, context));
    return tables;
  },
};

async function compare(shape: Shape, { server, rounds }: BenchContext): Promise<Table> {
  const opened = await Promise.all(contenders.map(({ open }) => open(server.url)));
  const standings = await interleave({
    baseline: redisSemaphore,
    rounds,
    contestants: contenders.map(({ name }: Contender, index) => ({
      name,
      measure: () => cyclesPerSecond(opened[index]!, shape),
    })),
  });
  await Promise.all(opened.map((locks) => locks.close()));
  const { ratio } = standings.find(({ name }) => name === ours)!;
  return {
    title: `Acquire and release, ${shape.title}`,
    columns: ['', 'cycles/s', `of ${redisSemaphore}`],
    rows: standings.map(({ name, figure, ratio: share }) => [
      name,
      withRange(figure),
      withRange(share, times),
    ]),
    bars: [atLeast(`>= ${shape.bar}x ${redisSemaphore}`, shape.bar, ratio.median, times)],
    data: standings,
  };
}

/** Each lane has a lock of its own, as callers that do not contend have. */
async function cyclesPerSecond(locks: OpenLocks, { inFlight, cycles }: Shape): Promise<number> {
  const names = Array.from({ length: inFlight }, () => freshName());
  const micros = await microsPerCall(cycles, inFlight, async () => {
    const name = names.pop()!;
    const release = await locks.acquire(name);
    await release();
    names.push(name);
  });
  return perSecond(micros);
}
