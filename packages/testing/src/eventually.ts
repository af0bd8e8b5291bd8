import { abortable, abortReason, OperationTimeoutError, sleep, systemClock } from '@lockstep/core';

export interface EventuallyOptions {
  /** @defaultValue 5,000 */
  readonly timeoutMs?: number | undefined;
  /** Pause between two attempts. @defaultValue 20 */
  readonly intervalMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * How the pause is spent, for example `(ms) => clock.advance(ms)`; the budget is then counted in the time that it
   * moved. Without it, real time passes.
   */
  readonly advance?: ((ms: number) => Promise<void>) | undefined;
}

/**
 * Calls `attempt` until it returns instead of throwing and gives its result. When the budget is used up it rejects
 * with the last error, whose message then says how long and how often it was tried.
 *
 * @throws OPERATION_TIMEOUT when what was thrown is no Error, or when one attempt alone outlasts the budget; the
 * signal's reason when it aborts.
 */
export async function eventually<T>(
  attempt: () => T | PromiseLike<T>,
  options: EventuallyOptions = {},
): Promise<T> {
  const { signal } = options;
  const { timeoutMs = 5_000, intervalMs = 20 } = options;
  const elapsed = stopwatch(options);
  for (let attempts = 1; ; attempts++) {
    if (signal?.aborted) throw abortReason(signal);
    try {
      return await withinBudget(attempt, Math.max(timeoutMs - elapsed.ms(), intervalMs), signal);
    } catch (error) {
      if (elapsed.ms() >= timeoutMs) throw exhausted(error, attempts, elapsed.ms(), timeoutMs);
    }
    await elapsed.pause(intervalMs, signal);
  }
}

interface Stopwatch {
  ms(): number;
  pause(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

function stopwatch({ advance }: EventuallyOptions): Stopwatch {
  if (advance === undefined) {
    const start = systemClock.monotonic();
    return {
      ms: () => systemClock.monotonic() - start,
      pause: (ms, signal) => sleep(systemClock, ms, { signal }),
    };
  }
  let moved = 0;
  return {
    ms: () => moved,
    async pause(ms, signal) {
      await abortable(advance(ms), signal);
      moved += ms;
    },
  };
}

/** An attempt that hangs must not hang the test: it is given up, and its late outcome ignored. */
async function withinBudget<T>(
  attempt: () => T | PromiseLike<T>,
  budgetMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const budget = new AbortController();
  const timer = systemClock.setTimer(
    () => budget.abort(new OperationTimeoutError('an attempt', budgetMs)),
    budgetMs,
  );
  try {
    const given = signal === undefined ? budget.signal : AbortSignal.any([budget.signal, signal]);
    return await abortable(Promise.resolve(attempt()), given);
  } finally {
    timer.cancel();
  }
}

function exhausted(error: unknown, attempts: number, elapsedMs: number, timeoutMs: number): Error {
  const told = `(${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} in ${Math.round(elapsedMs)} ms)`;
  if (!(error instanceof Error)) {
    return new OperationTimeoutError(`eventually ${told}`, timeoutMs, { cause: error });
  }
  // The error itself, not a wrapper: a test runner shows its diff of expected and actual.
  error.message = `${error.message} ${told}`;
  return error;
}
