import type { Contestant, Held } from './contestant.ts';
import { rival, rivalClients } from './rivals.ts';

interface RedlockLock {
  readonly expiration: number;
  extend(ttlMs: number): Promise<RedlockLock>;
}
interface LockOf4 extends RedlockLock {
  unlock(): Promise<unknown>;
}
interface LockOf5 extends RedlockLock {
  release(): Promise<unknown>;
}
interface Settings {
  readonly retryCount: number;
}

type Redlock4 = new (
  clients: readonly unknown[],
  settings: Settings,
) => {
  on(event: 'clientError', listener: () => void): unknown;
  lock(name: string, ttlMs: number): Promise<LockOf4>;
};
type Redlock5 = new (
  clients: readonly unknown[],
  settings?: Settings,
) => {
  on(event: 'error', listener: () => void): unknown;
  acquire(names: readonly string[], ttlMs: number): Promise<LockOf5>;
  using(
    names: readonly string[],
    ttlMs: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<unknown>;
};

/** How often it looks, at its pause of 200 ms. */
const looksIn = (waitMs: number): Settings => ({ retryCount: Math.ceil(waitMs / 200) });

const redlock4: Contestant = {
  name: 'redlock 4',
  keyOf: (name) => name,
  async open(urls, { cluster } = {}) {
    const Redlock = rival<Redlock4>('redlock4');
    const clients = await rivalClients(urls, cluster);
    return {
      async acquire(name, { ttlMs, waitMs }) {
        const redlock = new Redlock(clients, looksIn(waitMs));
        redlock.on('clientError', () => {});
        const lock = await redlock.lock(name, ttlMs);
        return heldBy(lock, () => lock.unlock());
      },
    };
  },
};

/** Version 5 and its copy differ in name only. */
function redlock5(name: string, load: () => Redlock5): Contestant {
  return {
    name,
    keyOf: (one) => one,
    async open(urls, { cluster } = {}) {
      const Redlock = load();
      const clients = await rivalClients(urls, cluster);
      const make = (settings?: Settings): InstanceType<Redlock5> => {
        const redlock = new Redlock(clients, settings);
        redlock.on('error', () => {});
        return redlock;
      };
      return {
        async acquire(one, { ttlMs, waitMs }) {
          const lock = await make(looksIn(waitMs)).acquire([one], ttlMs);
          return heldBy(lock, () => lock.release());
        },
        keep: (one, { ttlMs }, work) =>
          make().using([one], ttlMs, (signal) =>
            work({ told: () => signal.aborted, believes: () => !signal.aborted }),
          ),
      };
    },
  };
}

export const redlocks: readonly Contestant[] = [
  redlock4,
  redlock5('redlock 5', () => rival<{ readonly default: Redlock5 }>('redlock5').default),
  redlock5(
    '@sesamecare-oss/redlock',
    () => rival<{ readonly Redlock: Redlock5 }>('@sesamecare-oss/redlock').Redlock,
  ),
];

function heldBy(lock: RedlockLock, release: () => Promise<unknown>): Held {
  return {
    isValid: () => lock.expiration > Date.now(),
    release,
    extend: (ttlMs) => lock.extend(ttlMs),
  };
}
