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

/** The handler's outcome, or the time-out's error when it comes first; the handler's late outcome is ignored. */
export function runHandler<T>(run: () => T | Promise<T>, timeout: HandlerTimeout | undefined): Promise<T> {
  // A handler that throws before it returns a promise rejects like any other.
  const outcome = new Promise<T>((resolve) => resolve(run()));
  return timeout === undefined ? outcome : withTimeout(outcome, timeout);
}

function withTimeout<T>(outcome: Promise<T>, timeout: HandlerTimeout): Promise<T> {
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
    outcome.then(resolve, reject).finally(ended);
  });
}
