import { machineNow } from './machine-clock.ts';

/** A time in which this process was given no CPU, on the machine's clock. */
export interface Stall {
  readonly from: number;
  readonly until: number;
}

const beatMs = 20;
/** Less is no stall: timers are never exact. */
const shortestMs = 50;

/** Tells how busy the machine was: what a timer of this process was late by, no worker can have done either. */
export class StallWatch implements Disposable {
  readonly #stalls: Stall[] = [];
  readonly #timer: NodeJS.Timeout;
  #last = machineNow();

  constructor() {
    this.#timer = setInterval(() => this.#beat(), beatMs);
  }

  get stalls(): readonly Stall[] {
    return this.#stalls;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const now = machineNow();
    const due = this.#last + beatMs;
    if (now - due >= shortestMs) this.#stalls.push({ from: due, until: now });
    this.#last = now;
  }
}

/** How much of a time was stalled. */
export function stalledMs(stalls: readonly Stall[], from: number, until: number): number {
  return stalls.reduce(
    (sum, stall) => sum + Math.max(Math.min(stall.until, until) - Math.max(stall.from, from), 0),
    0,
  );
}
