import type { Clock, TimerOptions } from './clock.ts';

export interface SleepOptions extends TimerOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Resolves after `delayMs`. An abort rejects at once with the signal's reason and leaves no timer or listener behind. */
export function sleep(clock: Clock, delayMs: number, options: SleepOptions = {}): Promise<void> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal));
    const timer = clock.setTimer(done, delayMs, options);
    signal?.addEventListener('abort', aborted, { once: true });
    function done(): void {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      timer.cancel();
      reject(abortReason(signal!));
    }
  });
}

/**
 * The promise's outcome, or the signal's reason as soon as it aborts. The promise itself goes on; its late rejection
 * is consumed.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const aborted = (): void => reject(abortReason(signal));
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    const settled = (): void => signal.removeEventListener('abort', aborted);
    promise.then(resolve, reject).finally(settled);
  });
}

/** The reason as an Error: what an awaiting method rejects with. */
export function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
