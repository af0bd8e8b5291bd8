// A service as a child process: a worker, a subscription, a pool and timers; it ends when closeOnSignals has closed them.
import { sleep, systemClock } from '@lockstep/core';
import { closeOnSignals, connect, createPool } from '@lockstep/redis';
import { increment } from './redis-scripts.ts';

const [url = '', prefix = '', stubborn = ''] = process.argv.slice(2);
const durability = { replicas: 1, timeoutMs: 200 };
const redis = await connect(url, { prefix, heartbeatMs: 100, durability });
const counter = redis.keyspace('service', 'x').key('counter');
const stop = new AbortController();

async function work(): Promise<void> {
  while (!stop.signal.aborted) {
    await redis.run(increment, { counter }, {});
    await sleep(systemClock, 20, { signal: stop.signal }).catch(() => {});
  }
}

const working = work();
redis.register({
  name: 'worker',
  phase: 'intake',
  close: async () => {
    if (stubborn !== '') await sleep(systemClock, 60_000);
    stop.abort();
    await working;
    await redis.client.set(redis.keyspace('service', 'x').key('closed'), 'yes');
    return { name: 'worker', finished: 1, returned: 0, aborted: 0, errors: [] };
  },
});
await redis.subscribe(`${prefix}news`, () => {}).ready;
const pool = createPool({ redis, min: 2 });
await (await pool.acquire()).release();
await redis.runDurably(increment, { counter }, {});
closeOnSignals(redis);
console.log('ready');
