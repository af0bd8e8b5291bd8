import { connect, defineScript, type Redis } from '@lockstep/redis';
import { atMost, type BenchContext, type Benchmark, type Table } from '../src/benchmark.ts';
import { percent, short, withRange } from '../src/format.ts';
import { interleave } from '../src/interleave.ts';
import { microsPerCall } from '../src/load.ts';

/** As small as scripts of the toolkit get: it reads the time, two keys, a few arguments. */
const touch = defineScript({
  name: 'bench.touch',
  keys: ['counter', 'stamp'],
  args: ['by', 'owner', 'ttlMs'],
  idempotent: true,
  lua: /* lua */ `
    local count = redis.call('INCRBY', counter, by)
    redis.call('SET', stamp, owner, 'PX', ttlMs)
    return { count, string.format('%.0f', now) }
  `,
  parse: (reply) => ({ count: (reply as [number, string])[0] }),
});

interface Shape {
  readonly title: string;
  readonly inFlight: number;
  readonly calls: number;
  readonly limit: number;
}

const shapes: readonly Shape[] = [
  { title: 'one call after the other', inFlight: 1, calls: 300, limit: 1.05 },
  { title: '100 calls in flight', inFlight: 100, calls: 2_000, limit: 1.2 },
];

export const scriptOverhead: Benchmark = {
  async run(context) {
    await using redis = await connect(context.server.url, { prefix: 'bench:' });
    const tables: Table[] = [];
    for (const shape of shapes) tables.push(await compare(redis, shape, context));
    return tables;
  },
};

async function compare(redis: Redis, shape: Shape, { rounds }: BenchContext): Promise<Table> {
  const keyspace = redis.keyspace('overhead', 'touch');
  const counter = keyspace.key('counter');
  const stamp = keyspace.key('stamp');
  // What run() sends: the bare call must have nothing less to do on the wire or in Redis.
  const { sha } = touch.variant('redis');
  const bare = (): Promise<unknown> => redis.client.evalsha(sha, 2, counter, stamp, 1, redis.id, 30_000);
  const ours = (): Promise<unknown> =>
    redis.run(touch, { counter, stamp }, { by: 1, owner: redis.id, ttlMs: 30_000 });
  await ours();

  const standings = await interleave({
    baseline: 'client.evalsha',
    // The difference sought is a few microseconds: many short slices side by side say more than a few long ones.
    rounds: rounds * 12,
    contestants: [
      { name: 'client.evalsha', measure: () => microsPerCall(shape.calls, shape.inFlight, bare) },
      { name: 'redis.run', measure: () => microsPerCall(shape.calls, shape.inFlight, ours) },
    ],
  });
  const overhead = standings[1]!.ratio;
  return {
    title: `Script call, ${shape.title}`,
    columns: ['', 'us per call', 'over bare'],
    rows: standings.map(({ name, figure, ratio }) => [
      name,
      withRange(figure),
      name === 'redis.run' ? withRange(ratio, percent) : '-',
    ]),
    bars: [atMost(`overhead <= ${short((shape.limit - 1) * 100)} %`, shape.limit, overhead.median, percent)],
    data: standings,
  };
}
