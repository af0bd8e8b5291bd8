import { majority } from './claim.ts';
import type { LockEngine } from './engine.ts';
import { inspectAll } from './inspection.ts';
import type { MutexKeys } from './keys.ts';
import { bellPrefix, type Place } from './place.ts';
import { forceRelease } from './scripts/force-release.ts';
import { givenUpRetentionMs } from './timing.ts';

/** Takes a lock from its holder at every place. False when nobody held it. `announce` hears of it, if given. */
export async function forceReleaseAt(
  engine: LockEngine,
  keysAt: (place: Place) => MutexKeys,
  announceAt: (place: Place) => string = () => '',
): Promise<boolean> {
  const { owner } = await inspectAll(engine.places, keysAt);
  if (owner === undefined) return false;
  const settled = await Promise.allSettled(
    engine.places.map((place) => {
      const keys = keysAt(place);
      const args = {
        owner,
        bell_prefix: bellPrefix(place),
        announce: announceAt(place),
        refuse_ms: givenUpRetentionMs,
        exact: place.exact,
      };
      return place.redis.run(forceRelease, keys, args);
    }),
  );
  const failed = settled.filter((result) => result.status === 'rejected');
  if (failed.length > engine.places.length - majority(engine.places.length)) throw failed[0]!.reason;
  return settled.some((result) => result.status === 'fulfilled' && result.value === 'released');
}
