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
  /** When to look, whatever ends a sleep before. */
  #lookAt = Infinity;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep now. */
  readonly wake = (): void => {
    this.#rung = true;
    this.#end();
  };

  /** Sees to it that a sleep ends so long from now, or soon after; sleeps that end before do not count. */
  wakeWithin(ms: number): void {
    const lookAt = this.#clock.monotonic() + ms;
    if (lookAt >= this.#lookAt) return;
    this.#lookAt = lookAt;
    if (this.#resolve) this.#arm(ms);
  }

  sleep(ms: number): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    const untilLook = Math.max(this.#lookAt - this.#clock.monotonic(), 0);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (Math.min(ms, untilLook) < Infinity) this.#arm(Math.min(ms, untilLook));
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
    if (this.#lookAt <= this.#clock.monotonic()) this.#lookAt = Infinity;
    resolve();
  }
}
