import { setTimeout as sleep } from 'node:timers/promises';
import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';
import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import { atMost, type Benchmark, type Table } from '../src/benchmark.ts';
import { readCommandCounts } from '../src/commandstats.ts';
import { short } from '../src/format.ts';
import { freshName } from './contender.ts';

const locks = 1_000;
const ttlMs = 10_000;
/** Ours renews three times in a time to live. */
const roundMs = ttlMs / 3;
const rounds = 6;

/** 1,000 locks that are held and renewed. Counts, not times. */
export const renewal: Benchmark = {
  async run({ server }) {
    const redis = new Redis(server.url);
    const counted = {
      lockstep: await whileHeld(redis, await holdOurs(server.url)),
      'redis-semaphore Mutex': await whileHeld(redis, await holdMutexes(server.url)),
    };
    redis.disconnect();
    return [table(counted)];
  },
};

interface Calls {
  readonly perRound: number;
  readonly perSecond: number;
}

type Release = () => Promise<void>;

async function whileHeld(redis: Redis, release: Release): Promise<Calls> {
  const scripts = async (): Promise<number> => {
    const counts = await readCommandCounts(redis);
    return (counts.get('evalsha') ?? 0) + (counts.get('eval') ?? 0);
  };
  // Until the rounds have come together.
  await sleep(roundMs);
  const before = await scripts();
  await sleep(rounds * roundMs);
  const calls = (await scripts()) - before;
  await release();
  return { perRound: calls / rounds, perSecond: calls / ((rounds * roundMs) / 1_000) };
}

async function holdOurs(url: string): Promise<Release> {
  const redis = await connect(url, { prefix: 'bench:' });
  const engine = createLocks({ redis });
  for (let held = 0; held < locks; held += 1) await engine.acquire(freshName(), { ttlMs });
  return async () => void (await redis.close());
}

async function holdMutexes(url: string): Promise<Release> {
  const client = new Redis(url);
  const held: Mutex[] = [];
  for (let count = 0; count < locks; count += 1) {
    const mutex = new Mutex(client, freshName(), { lockTimeout: ttlMs });
    await mutex.acquire();
    held.push(mutex);
  }
  return async () => {
    await Promise.all(held.map((mutex) => mutex.release()));
    await client.quit();
  };
}

function table(counted: Readonly<Record<string, Calls>>): Table {
  return {
    title: `${locks} locks held, time to live ${ttlMs / 1_000} s`,
    columns: ['', `script calls per ${short(roundMs / 1_000)} s`, 'per second'],
    rows: Object.entries(counted).map(([name, { perRound, perSecond }]) => [
      name,
      short(perRound),
      short(perSecond),
    ]),
    bars: [atMost('<= 10 calls per round', 10, counted['lockstep']!.perRound, short)],
    data: counted,
  };
}
