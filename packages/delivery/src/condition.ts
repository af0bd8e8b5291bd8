import type { Clock } from '@lockstep/core';

/** Something to wait for, checked whenever it may have changed. */
export class Condition {
  readonly #clock: Clock;
  readonly #holds: () => boolean;
  #waiters: (() => void)[] = [];

  constructor(clock: Clock, holds: () => boolean) {
    this.#clock = clock;
    this.#holds = holds;
  }

  changed(): void {
    if (this.#waiters.length === 0 || !this.#holds()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Resolves to whether it holds: as soon as it does, or after `ms`. */
  wait(ms: number): Promise<boolean> {
    if (ms <= 0 || this.#holds()) return Promise.resolve(this.#holds());
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#waiters = this.#waiters.filter((waiter) => waiter !== wake);
        resolve(this.#holds());
      };
      const timer = this.#clock.setTimer(wake, ms);
      this.#waiters.push(wake);
    });
  }
}
