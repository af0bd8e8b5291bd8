import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';
import { Redlock as Sesamecare } from '@sesamecare-oss/redlock';
import { Redis } from 'ioredis';
import Redlock from 'redlock';
import { Mutex } from 'redis-semaphore';
import { ours, redisSemaphore, ttlMs, type Contender } from './contender.ts';

/** Each at its defaults, but for the time to live and how long it keeps trying. */
export const contenders: readonly Contender[] = [
  {
    name: ours,
    async open(url) {
      const redis = await connect(url, { prefix: 'bench:' });
      const locks = createLocks({ redis });
      const options = { ttlMs, waitMs: 600_000 };
      return {
        acquire: async (name) => {
          const lock = await locks.acquire(name, options);
          return () => lock.release();
        },
        close: async () => void (await redis.close()),
      };
    },
  },
  {
    name: 'redlock 4.2',
    async open(url) {
      const client = await ready(url);
      const redlock = new Redlock([client], { retryCount: -1 });
      return {
        acquire: async (name) => {
          const lock = await redlock.lock(name, ttlMs);
          return () => lock.unlock();
        },
        close: () => end(client),
      };
    },
  },
  {
    name: '@sesamecare-oss/redlock',
    async open(url) {
      const client = await ready(url);
      const redlock = new Sesamecare([client], { retryCount: -1 });
      return {
        acquire: async (name) => {
          const lock = await redlock.acquire([name], ttlMs);
          return () => lock.release();
        },
        close: () => end(client),
      };
    },
  },
  {
    name: redisSemaphore,
    async open(url) {
      const client = await ready(url);
      return {
        acquire: async (name) => {
          const mutex = new Mutex(client, name, { lockTimeout: ttlMs, acquireTimeout: 600_000 });
          await mutex.acquire();
          return () => mutex.release();
        },
        close: () => end(client),
      };
    },
  },
];

async function ready(url: string): Promise<Redis> {
  const client = new Redis(url);
  await client.ping();
  return client;
}

async function end(client: Redis): Promise<void> {
  await client.quit();
}
