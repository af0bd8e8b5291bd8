import { elapsedSince, instant, isLockstepError, sleep, type Clock } from '@lockstep/core';

const pauseMs = 250;

/**
 * Repeats what must reach Redis for as long as Redis cannot be reached and it still matters. Rejects with the last
 * failure after `forMs`, or when `isOver` says so.
 */
export async function insist<T>(
  clock: Clock,
  attempt: () => Promise<T>,
  forMs: number,
  isOver: () => boolean,
): Promise<T> {
  const start = instant(clock);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isLockstepError(error, 'REDIS_UNAVAILABLE') || isOver()) throw error;
      if (elapsedSince(clock, start) + pauseMs >= forMs) throw error;
    }
    await sleep(clock, pauseMs, { unref: true });
  }
}
