import type { Clock } from '@lockstep/core';

/** Stands for an outcome that did not come in time. */
export const late = Symbol('late');

/** The promise's outcome, or `late` after `ms`. The promise goes on; its rejection is consumed then. */
export function within<T>(clock: Clock, promise: Promise<T>, ms: number): Promise<T | typeof late> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(late), ms);
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
