import { isLockstepError, sleep, type Clock } from '@lockstep/core';
import type { Queue } from '@lockstep/task-queue';
import type { Order, payments } from '@lockstep-shop/contracts';

/** The part of the payments queue that a producer needs. */
export type PaymentsQueue = Pick<Queue<(typeof payments)['tasks']>, 'enqueueMany'>;

export interface PaymentRequestsOptions {
  readonly queue: PaymentsQueue;
  readonly clock: Clock;
  /** How many orders go with one call, at most. */
  readonly batchSize?: number | undefined;
  /** How long a Redis that is away is waited for, in ms. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const pauseMs = 250;

/**
 * Asks for the payment of orders. Those that come in while a call is under way share the next one: a single order is
 * not held back, and a flood is sent in batches.
 */
export class PaymentRequests {
  readonly #options: PaymentRequestsOptions;
  readonly #batchSize: number;
  #waiting: Order[] = [];
  #sending: Promise<void> | undefined;

  constructor(options: PaymentRequestsOptions) {
    this.#options = options;
    this.#batchSize = options.batchSize ?? 200;
  }

  /** Resolves when there is room for another order; rejects when sending has failed for good. */
  async add(order: Order): Promise<void> {
    this.#waiting.push(order);
    this.#sending ??= this.#send();
    // Handled by whoever awaits it next; until then its rejection is nobody's.
    this.#sending.catch(() => {});
    if (this.#waiting.length >= this.#batchSize) await this.#sending;
  }

  /** Resolves when everything added is in the queue. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) await this.#enqueue(this.#waiting.splice(0, this.#batchSize));
    this.#sending = undefined;
  }

  /** The order's id is the task's id, so a call whose reply was lost can be made again: nothing is added twice. */
  async #enqueue(orders: readonly Order[]): Promise<void> {
    const { queue, clock, signal, patienceMs = 30_000 } = this.#options;
    const tasks = orders.map(paymentTask);
    const deadline = clock.monotonic() + patienceMs;
    for (;;) {
      try {
        await queue.enqueueMany(tasks);
        return;
      } catch (error) {
        if (!isLockstepError(error) || !error.retryable || clock.monotonic() > deadline) throw error;
        await sleep(clock, pauseMs, { signal });
      }
    }
  }
}

function paymentTask({ orderId, totalCents, currency, card }: Order) {
  return {
    name: 'payment.charge' as const,
    id: orderId,
    input: { orderId, amountCents: totalCents, currency, card },
  };
}
