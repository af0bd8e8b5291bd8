import type { CompiledPattern } from '@lockstep/core';
import { scriptCall } from '@lockstep/redis';
import type { LockEngine } from './engine.ts';
import { describeLock, inspectAll, type HeldLock, type LockInspection } from './inspection.ts';
import { mutexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { inspectMutex, type MutexState } from './scripts/inspect-mutex.ts';

/** Asks each lock that the index names; those of one page in one write. */
export async function* listLocks(
  engine: LockEngine,
  pattern: CompiledPattern | undefined,
): AsyncGenerator<HeldLock> {
  await engine.index.flush();
  const seen = new Set<string>();
  for (const place of engine.places) {
    for await (const names of engine.index.names(place, pattern)) {
      const fresh = engine.places.length === 1 ? names : names.filter((name) => !seen.has(name));
      if (engine.places.length > 1) for (const name of fresh) seen.add(name);
      for (const lock of await inspectPage(engine, fresh)) if (lock.held) yield lock;
    }
  }
}

async function inspectPage(engine: LockEngine, names: readonly string[]): Promise<LockInspection[]> {
  const { places, options } = engine;
  const states =
    places.length === 1
      ? await inspectMany(places[0]!, names)
      : await Promise.all(names.map((name) => inspectAll(places, keysOf(name))));
  return states.map((state, index) => describeLock(names[index]!, state, options.codec));
}

async function inspectMany(place: Place, names: readonly string[]): Promise<MutexState[]> {
  const calls = names.map((name) => scriptCall(inspectMutex, keysOf(name)(place), {}));
  const settled = await place.redis.runAll(calls);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value as MutexState;
  });
}

function keysOf(name: string): (place: Place) => ReturnType<typeof mutexKeys> {
  return ({ lockPrefix }) => mutexKeys(lockPrefix + name);
}
