import { answersOf } from './answers.ts';
import type { LockEngine } from './engine.ts';
import { inspectAll } from './inspection.ts';
import type { MutexKeys } from './keys.ts';
import { bellPrefix, type Place } from './place.ts';
import { forceRelease } from './scripts/force-release.ts';
import { givenUpRetentionMs } from './timing.ts';

/**
 * Takes a lock from its holder at every place, and answers as soon as a majority has. False when nobody held it.
 * `announce` hears of it, if given.
 */
export function forceReleaseAt(
  engine: LockEngine,
  keysAt: (place: Place) => MutexKeys,
  announceAt?: (place: Place) => string,
): Promise<boolean> {
  return engine.noting(takeByForce(engine, keysAt, announceAt));
}

async function takeByForce(
  engine: LockEngine,
  keysAt: (place: Place) => MutexKeys,
  announceAt: (place: Place) => string = () => '',
): Promise<boolean> {
  const { owner } = await inspectAll(engine.places, keysAt);
  if (owner === undefined) return false;
  const outcomes = await answersOf(engine.places, 'force-release', (place) => {
    const args = {
      owner,
      bell_prefix: bellPrefix(place),
      announce: announceAt(place),
      refuse_ms: givenUpRetentionMs,
      exact: place.exact,
    };
    return place.redis.run(forceRelease, keysAt(place), args);
  });
  return outcomes.includes('released');
}
