import type { Clock } from '@lockstep/core';
import { crowdedMs } from './timing.ts';

const most = 1_000;

/** Names for which the short script was of no use a moment ago, so that it is not tried again at once. */
export class CrowdedNames {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    if (this.#until.size === 0) return false;
    const until = this.#until.get(name);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#until.delete(name);
    return false;
  }

  add(name: string): void {
    this.#until.delete(name);
    this.#until.set(name, this.#clock.monotonic() + crowdedMs);
    if (this.#until.size <= most) return;
    const [oldest] = this.#until.keys();
    this.#until.delete(oldest!);
  }
}
