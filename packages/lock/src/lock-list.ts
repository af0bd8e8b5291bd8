import type { CompiledPattern } from '@lockstep/core';
import { scriptCall } from '@lockstep/redis';
import { majorityOf } from './answers.ts';
import type { LockEngine } from './engine.ts';
import { describeLock, inspectAll, type HeldLock, type LockInspection } from './inspection.ts';
import { mutexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { inspectMutex, type MutexState } from './scripts/inspect-mutex.ts';

/** How many locks of a quorum are asked at once. */
const pageSize = 200;

/** Asks each lock that the index names; those of one page in one write. */
export async function* listLocks(
  engine: LockEngine,
  pattern: CompiledPattern | undefined,
): AsyncGenerator<HeldLock> {
  await engine.index.flush();
  const [first, ...others] = engine.places as [Place, ...Place[]];
  const pages = others.length === 0 ? engine.index.names(first, pattern) : namesOfMajority(engine, pattern);
  for await (const names of pages) {
    for (const lock of await inspectPage(engine, names)) if (lock.held) yield lock;
  }
}

/** Each name once. What a majority wrote is read by a majority: they have a node in common. */
async function* namesOfMajority(
  engine: LockEngine,
  pattern: CompiledPattern | undefined,
): AsyncGenerator<string[]> {
  const views = await majorityOf(engine.places, async (place) => {
    const names: string[] = [];
    for await (const page of engine.index.names(place, pattern)) names.push(...page);
    return names;
  });
  const names = [...new Set(views.flat())];
  for (let at = 0; at < names.length; at += pageSize) yield names.slice(at, at + pageSize);
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
