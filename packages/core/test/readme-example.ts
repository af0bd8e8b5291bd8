import { BackoffState, isLockstepError, sleep, systemClock, type Clock } from '@lockstep/core';

/** Repeats what may succeed later, until it does or the signal aborts. */
export async function persistently<T>(
  call: () => Promise<T>,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<T> {
  const backoff = new BackoffState({ type: 'exponential', initialMs: 50, maxMs: 5_000, jitter: 'full' });
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const mayHaveHappened = isLockstepError(error, 'REDIS_UNAVAILABLE') && error.outcomeUnknown;
      if (!isLockstepError(error) || !error.retryable || mayHaveHappened) throw error;
    }
    await sleep(clock, backoff.next(), { signal });
  }
}
