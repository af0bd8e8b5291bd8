import { createLocks, type Locks } from '@lockstep/lock';
import type { Redis } from '@lockstep/redis';
import { afterAll, beforeAll } from 'vitest';
import { silent } from '../behaviour/setup.ts';
import type { MastersHarness } from './masters-harness.ts';

/** Locks of several processes over the same masters. */
export interface Processes {
  readonly locks: Locks[];
  readonly connections: (readonly Redis[])[];
}

const connections = new WeakMap<MastersHarness, Promise<readonly Redis[]>[]>();

/** Makes so many processes before the cases of a suite and closes their locks after them. */
export function processes(harness: MastersHarness, count: number): Processes {
  const set: Processes = { locks: [], connections: [] };
  beforeAll(async () => {
    const shared = connections.get(harness) ?? [];
    connections.set(harness, shared);
    for (let process = 0; process < count; process += 1) {
      const redis = await (shared[process] ??= harness.connect());
      set.connections.push(redis);
      set.locks.push(createLocks({ redis, logger: silent, onError: () => {} }));
    }
  });
  afterAll(async () => {
    await Promise.all(set.locks.map((locks) => locks.close({ drainMs: 0, abortMs: 0 })));
  });
  return set;
}

/** Lets what needs little time happen: votes, releases, random pauses. */
export async function settle(harness: MastersHarness): Promise<void> {
  await harness.advance(50);
}

/** Moves time until the promise settles, at most so long. */
export async function within<T>(harness: MastersHarness, ms: number, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = promise.finally(() => (settled = true));
  done.catch(() => {});
  const start = harness.clock.monotonic();
  while (!settled && harness.clock.monotonic() - start < ms) await harness.advance(5);
  if (!settled) throw new Error(`not settled after ${ms} ms`);
  return done;
}

/** How many masters have this key. */
export async function countOf(redis: readonly Redis[], key: string): Promise<number> {
  const found = await Promise.all(redis.map((one) => one.client.exists(key)));
  return found.reduce((sum, exists) => sum + exists, 0);
}
