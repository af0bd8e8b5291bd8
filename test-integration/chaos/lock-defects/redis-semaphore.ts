import type { Contestant } from './contestant.ts';
import { rival, rivalClients, type RivalClient } from './rivals.ts';

interface Lock {
  readonly isAcquired: boolean;
  acquire(): Promise<void>;
  release(): Promise<void>;
}
interface Options {
  readonly lockTimeout: number;
  readonly acquireTimeout?: number;
  readonly acquireAttemptsLimit?: number;
  readonly refreshInterval?: number;
  readonly onLockLost?: () => void;
}
interface RedisSemaphore {
  readonly Mutex: new (client: RivalClient, name: string, options: Options) => Lock;
  readonly RedlockMutex: new (clients: readonly RivalClient[], name: string, options: Options) => Lock;
  readonly Semaphore: new (client: RivalClient, name: string, limit: number, options: Options) => Lock;
  readonly RedlockSemaphore: new (
    clients: readonly RivalClient[],
    name: string,
    limit: number,
    options: Options,
  ) => Lock;
}

export const redisSemaphore: Contestant = {
  name: 'redis-semaphore',
  keyOf: (name) => `mutex:${name}`,
  async open(urls, { cluster } = {}) {
    const { Mutex, RedlockMutex, Semaphore, RedlockSemaphore } = rival<RedisSemaphore>('redis-semaphore');
    const clients = await rivalClients(urls, cluster);
    const [first] = clients as [RivalClient];
    const mutex = (name: string, options: Options): Lock =>
      clients.length === 1 ? new Mutex(first, name, options) : new RedlockMutex(clients, name, options);
    const semaphore = (name: string, limit: number, options: Options): Lock =>
      clients.length === 1
        ? new Semaphore(first, name, limit, options)
        : new RedlockSemaphore(clients, name, limit, options);
    return {
      async acquire(name, { ttlMs, waitMs }) {
        const patience = waitMs === 0 ? { acquireAttemptsLimit: 1 } : { acquireTimeout: waitMs };
        const lock = mutex(name, { lockTimeout: ttlMs, refreshInterval: 0, ...patience });
        await lock.acquire();
        return { isValid: () => lock.isAcquired, release: () => lock.release() };
      },
      async keep(name, { ttlMs, handled }, work) {
        const onLockLost = handled ? { onLockLost: () => {} } : {};
        const lock = mutex(name, { lockTimeout: ttlMs, ...onLockLost });
        await lock.acquire();
        await work({ told: () => !lock.isAcquired, believes: () => lock.isAcquired });
        await lock.release();
      },
      async permit(name, permits, ttlMs) {
        const lock = semaphore(name, permits, {
          lockTimeout: ttlMs,
          acquireTimeout: 1_000,
          refreshInterval: 0,
        });
        await lock.acquire();
        return { isValid: () => lock.isAcquired, release: () => lock.release() };
      },
    };
  },
};
