import { abortReason, type Clock, type LockstepError } from '@lockstep/core';

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Calls that wait for the connection. Bounded, each with its own deadline; a wait that is given up leaves nothing
 * behind that could still be sent.
 */
export class Readiness {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get full(): boolean {
    return this.#waiters.size >= this.#limit;
  }

  /** Resolves when the connection is up; rejects with `onTimeout()` after `timeoutMs`, or with the signal's reason. */
  wait(timeoutMs: number, onTimeout: () => LockstepError, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortReason(signal));
      const settle = (finish: () => void): void => {
        timer.cancel();
        signal?.removeEventListener('abort', aborted);
        this.#waiters.delete(waiter);
        finish();
      };
      const waiter: Waiter = {
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      const aborted = (): void => waiter.reject(abortReason(signal!));
      const timer = this.#clock.setTimer(() => waiter.reject(onTimeout()), timeoutMs);
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiters.add(waiter);
    });
  }

  up(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  /** No wait can succeed any more: the connection was closed, or refused for good. */
  fail(error: Error): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }
}
