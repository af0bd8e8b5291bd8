// A service as a child process: a worker with two tasks in hand, a lock, a subscription, a pool and timers; it ends when
// closeOnSignals has closed them.
import { sleep, systemClock } from '@lockstep/core';
import { createLocks } from '@lockstep/lock';
import { closeOnSignals, connect, createPool } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { increment } from './redis-scripts.ts';
import { signalledQueue } from './signalled-service-queue.ts';

const [url = '', prefix = '', stubborn = ''] = process.argv.slice(2);
const durability = { replicas: 1, timeoutMs: 200 };
const redis = await connect(url, { prefix, heartbeatMs: 100, durability });
const counter = redis.keyspace('service', 'x').key('counter');

redis.register({
  name: 'reporter',
  phase: 'intake',
  close: async () => {
    if (stubborn !== '') await sleep(systemClock, 60_000);
    await redis.client.set(redis.keyspace('service', 'x').key('closed'), 'yes');
    return { name: 'reporter', finished: 1, returned: 0, aborted: 0, errors: [] };
  },
});
setInterval(() => void redis.client.ping().catch(() => {}), 10).unref();

const queue = createQueue({ redis, ...signalledQueue });
const begun: string[] = [];
const worker = queue.worker({
  handlers: {
    attentive: async (_, { signal }) => {
      begun.push('attentive');
      await sleep(systemClock, 600_000, { signal });
    },
    deaf: async () => {
      begun.push('deaf');
      await new Promise(() => {});
    },
  },
});
await queue.enqueueMany([
  { name: 'attentive', input: {} },
  { name: 'deaf', input: {} },
]);
await worker.start();
await createLocks({ redis }).acquire('stock', { ttlMs: 60_000 });
await redis.subscribe(`${prefix}news`, () => {}).ready;
const pool = createPool({ redis, min: 2 });
await (await pool.acquire()).release();
await redis.runDurably(increment, { counter }, {});
while (begun.length < 2) await sleep(systemClock, 10);
closeOnSignals(redis, { drainMs: 200, abortMs: 200 });
console.log('ready');
