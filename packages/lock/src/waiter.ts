import type { Clock, Timer } from '@lockstep/core';

/**
 * A sleep that a bell, an abort or the engine can end early. A ring that comes while nobody sleeps is kept for the next
 * sleep, so that none is missed between an answer and the sleep after it.
 */
export class Waiter {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #wakeAt = Infinity;
  #rung = false;
  #nextEndsAt = Infinity;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep now. */
  readonly wake = (): void => {
    this.#rung = true;
    this.#end();
  };

  /** Sees to it that this sleep, or else the next one, ends within `ms` from now. */
  wakeWithin(ms: number): void {
    if (this.#resolve) this.#arm(ms);
    else this.#nextEndsAt = Math.min(this.#nextEndsAt, this.#clock.monotonic() + ms);
  }

  sleep(ms: number): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    const sooner = Math.max(this.#nextEndsAt - this.#clock.monotonic(), 0);
    this.#nextEndsAt = Infinity;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (Math.min(ms, sooner) < Infinity) this.#arm(Math.min(ms, sooner));
    });
  }

  #arm(ms: number): void {
    const wakeAt = this.#clock.monotonic() + ms;
    if (wakeAt >= this.#wakeAt) return;
    this.#timer?.cancel();
    this.#wakeAt = wakeAt;
    this.#timer = this.#clock.setTimer(() => this.#end(), ms);
  }

  #end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    this.#rung = false;
    resolve();
  }
}
