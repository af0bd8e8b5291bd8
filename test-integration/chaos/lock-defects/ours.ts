import { createLocks, type LocksOptions } from '@lockstep/lock';
import { connect } from '@lockstep/redis';
import { silentLogger } from '../../src/queue-chaos/silent-logger.ts';
import type { Contestant } from './contestant.ts';

const quiet = { logger: silentLogger, onError: (): void => {} };

export const ours: Contestant = {
  name: '@lockstep/lock',
  keyOf: (name) => name,
  async open(urls, { cluster } = {}) {
    const wanted = cluster ? [urls[0]!.replace('redis://', 'redis+cluster://')] : urls;
    const redis = await Promise.all(wanted.map((url) => connect(url, { prefix: '', ...quiet })));
    const locks = createLocks({ redis, prefix: '', ...quiet });
    return {
      acquire: (name, { ttlMs, waitMs }) =>
        locks.acquire(name, { ttlMs, waitMs, autoExtend: false }).then(held),
      keep: (name, { ttlMs }, work) =>
        locks.withLock(name, { ttlMs }, (lock) =>
          work({ told: () => lock.signal.aborted, believes: () => lock.isValid() }),
        ),
      permit: (name, permits, ttlMs) =>
        locks.semaphore(name, { permits }).acquire({ ttlMs, waitMs: 1_000, autoExtend: false }).then(held),
      isLocked: async (name) => (await locks.inspect(name)).held,
    };
  },
  async takesQuorumOfOne(urls) {
    const redis = await Promise.all(urls.map((url) => connect(url, quiet)));
    try {
      createLocks({ redis, quorum: 1 } as LocksOptions);
      return true;
    } catch {
      return false;
    } finally {
      await Promise.all(redis.map((one) => one.close()));
    }
  },
};

type Lock = Awaited<ReturnType<ReturnType<typeof createLocks>['acquire']>>;

function held(lock: Lock): {
  isValid(): boolean;
  release(): Promise<unknown>;
  extend(ms: number): Promise<void>;
} {
  return {
    isValid: () => lock.isValid(),
    release: () => lock.release(),
    extend: (ms) => lock.extend(ms),
  };
}
