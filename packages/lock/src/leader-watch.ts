import type { Leader } from './election.ts';
import type { LockEngine } from './engine.ts';
import type { Place } from './place.ts';
import { patienceMs } from './timing.ts';
import { Waiter } from './waiter.ts';

interface LeaderWatchParts {
  readonly engine: LockEngine;
  readonly channelAt: (place: Place) => string;
  readonly read: () => Promise<Leader | undefined>;
  readonly signal: AbortSignal | undefined;
}

/** Reads the leader at each announcement, after each gap, and slowly behind them: an expiry is announced by nobody. */
const slowPollMs = patienceMs / 2;

export async function* watchLeader({
  engine,
  channelAt,
  read,
  signal,
}: LeaderWatchParts): AsyncGenerator<Leader | undefined> {
  const waiter = new Waiter(engine.clock);
  const subscriptions = engine.places.map((place) => place.redis.subscribe(channelAt(place), waiter.wake));
  for (const { ready } of subscriptions) ready.then(waiter.wake, () => {});
  const unlist = engine.onUpheaval(waiter.wake);
  signal?.addEventListener('abort', waiter.wake, { once: true });
  try {
    // No leader has this token: the first one is always told.
    let told: number | undefined = -1;
    while (!signal?.aborted && !engine.closed) {
      const leader = await read().catch((error: unknown) => {
        engine.options.onError(error, { source: 'locks', operation: 'observe' });
        return 'unknown' as const;
      });
      if (leader !== 'unknown' && leader?.fencingToken !== told) {
        told = leader?.fencingToken;
        yield leader;
        continue;
      }
      await waiter.sleep(slowPollMs);
    }
  } finally {
    signal?.removeEventListener('abort', waiter.wake);
    unlist();
    await Promise.all(subscriptions.map((subscription) => subscription.close()));
  }
}
