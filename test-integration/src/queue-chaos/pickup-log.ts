import { systemClock } from '@lockstep/core';

/**
 * What made a sleeping worker look: its bell, the connection that came back, or nothing but the slow poll behind both.
 */
export type Waker = 'doorbell' | 'reconnect' | 'poll';

/** Something that a worker saw, on the machine's clock. */
export type WorkerSign =
  | { readonly sign: 'bell'; readonly at: number }
  | { readonly sign: 'reconnect'; readonly at: number }
  | { readonly sign: 'pickup'; readonly id: string; readonly at: number };

export interface Pickup {
  readonly id: string;
  /** When its handler began. */
  readonly at: number;
}

/** The signs of one worker, in this process or in another. */
export class PickupLog {
  readonly #pickups = new Map<string, Pickup>();
  readonly #waiting = new Map<string, (pickup: Pickup) => void>();
  readonly #bells: number[] = [];
  readonly #reconnects: number[] = [];

  add(sign: WorkerSign): void {
    if (sign.sign === 'bell') this.#bells.push(sign.at);
    else if (sign.sign === 'reconnect') this.#reconnects.push(sign.at);
    else {
      this.#pickups.set(sign.id, sign);
      this.#waiting.get(sign.id)?.(sign);
    }
  }

  /** Resolves when the task's handler begins. */
  pickup(id: string, timeoutMs: number): Promise<Pickup> {
    const known = this.#pickups.get(id);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = systemClock.setTimer(
        () => reject(new Error(`${id} was not picked up in ${timeoutMs} ms`)),
        timeoutMs,
      );
      this.#waiting.set(id, (pickup) => (timer.cancel(), resolve(pickup)));
    });
  }

  /** What happened from `since` on until the pickup. A bell counts first: it tells of the task itself. */
  waker(since: number, { at }: Pickup): Waker {
    const within = (time: number): boolean => time >= since && time <= at;
    if (this.#bells.some(within)) return 'doorbell';
    return this.#reconnects.some(within) ? 'reconnect' : 'poll';
  }
}
