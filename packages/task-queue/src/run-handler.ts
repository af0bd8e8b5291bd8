import type { Clock } from '@lockstep/core';

/** A limit on how long a handler is waited for. */
export interface HandlerTimeout {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Called when the time is up; gives the error that the run ends with. */
  readonly onTimeout: () => Error;
  /** Called when a handler that outran its time came back at last. */
  readonly onReturned: () => void;
}

/** Whether a handler's work goes on after it returned. */
export function isThenable(returned: unknown): returned is PromiseLike<unknown> {
  if (returned instanceof Promise) return true;
  return typeof (returned as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

/** The handler's outcome, or the time-out's error when it comes first; the handler's late outcome is ignored. */
export function withTimeout<T>(outcome: PromiseLike<T>, timeout: HandlerTimeout): Promise<T> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = timeout.clock.setTimer(() => {
      late = true;
      reject(timeout.onTimeout());
    }, timeout.timeoutMs);
    const ended = (): void => {
      timer.cancel();
      if (late) timeout.onReturned();
    };
    Promise.resolve(outcome).then(resolve, reject).finally(ended);
  });
}
