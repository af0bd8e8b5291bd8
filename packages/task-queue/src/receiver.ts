import { elapsedSince, instant } from '@lockstep/core';
import type { Delivery } from '@lockstep/delivery/internal';
import { isOpened, openTask } from './open-task.ts';
import type { QueueParts } from './queue-parts.ts';
import { resolveReceiveOptions, type ReceiveOptions } from './receive-options.ts';
import { ReceivedLease } from './received-lease.ts';

/** Takes tasks without a worker. What cannot be handed out is settled here and never seen by the caller. */
export class Receiver {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  async receive(options: ReceiveOptions | undefined): Promise<ReceivedLease[]> {
    const { max, waitMs, visibilityTimeoutMs, signal } = resolveReceiveOptions(options);
    const { clock } = this.#parts.redis;
    const start = instant(clock);
    for (;;) {
      const left = Math.max(0, waitMs - elapsedSince(clock, start));
      const wanted = { max, waitMs: Math.ceil(left), visibilityMs: visibilityTimeoutMs, signal };
      const deliveries = await this.#parts.engine.receive(wanted);
      if (deliveries.length === 0) return [];
      const leases = await Promise.all(deliveries.map((delivery) => this.#open(delivery)));
      const usable = leases.filter((lease) => lease !== undefined);
      // Nothing but tasks that nobody can handle: they are settled by now, so the next claim finds others.
      if (usable.length > 0) return usable;
    }
  }

  async #open(delivery: Delivery): Promise<ReceivedLease | undefined> {
    const opened = await openTask(this.#parts, delivery, { worker: this.#parts.redis.id, backoffs: {} });
    if (isOpened(opened)) return new ReceivedLease(this.#parts, opened);
    // A refusal means that the lease is over already: the task is someone else's to settle.
    await delivery.settle(opened).catch((error: unknown) => {
      this.#parts.onError(error, { source: this.#parts.label, operation: 'receive' });
    });
    return undefined;
  }
}
