import { isLockstepError, type Clock } from '@lockstep/core';
import type { Delivery } from '@lockstep/delivery/internal';

/**
 * What a worker is busy with, for its health: one whose slots are all taken claims nothing, however well it is. It hears
 * from Redis by the renewals of its leases then.
 */
export class SlotsInUse {
  readonly #clock: Clock;
  readonly #count: number;
  readonly #running = new Set<Delivery>();
  /** By the monotonic clock. */
  #freeSince = -Infinity;

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.#count = count;
  }

  take(delivery: Delivery): void {
    this.#running.add(delivery);
  }

  give(delivery: Delivery): void {
    if (this.#running.size === this.#count) this.#freeSince = this.#clock.monotonic();
    this.#running.delete(delivery);
  }

  /** For how many ms Redis should have been heard of: a slot is free, or every lease has ended unrenewed. */
  overdueMs(): number {
    if (this.#running.size < this.#count) return this.#clock.monotonic() - this.#freeSince;
    let lastEnd = -Infinity;
    for (const delivery of this.#running) {
      if (!isUnrenewed(delivery)) return 0;
      lastEnd = Math.max(lastEnd, delivery.expiresAt);
    }
    return Math.max(this.#clock.now() - lastEnd, 0);
  }
}

function isUnrenewed({ signal }: Delivery): boolean {
  return signal.aborted && isLockstepError(signal.reason, 'LEASE_LOST') && signal.reason.reason === 'expired';
}
