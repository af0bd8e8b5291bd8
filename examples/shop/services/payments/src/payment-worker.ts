import { createQueue, RejectTask } from '@lockstep/task-queue';
import type { Redis } from '@lockstep/redis';
import { payments } from '@lockstep-shop/contracts';
import type { PaymentProvider } from './provider.ts';

export interface PaymentWorkerOptions {
  readonly redis: Redis;
  readonly provider: PaymentProvider;
  /** Names the worker in the provider's records. */
  readonly name: string;
  /** How many payments it has under way at once. */
  readonly concurrency: number;
}

/** Charges orders. A failure is retried by the queue; a card that can never pay goes to the dead letters at once. */
export function createPaymentWorker({ redis, provider, name, concurrency }: PaymentWorkerOptions) {
  const queue = createQueue({ redis, ...payments });
  return queue.worker({
    concurrency,
    handlers: {
      'payment.charge': async (payment, { fencingToken, attempt, delivery, signal }) => {
        const request = { ...payment, fencingToken, attempt, delivery, worker: name };
        const outcome = await provider.charge(request, { signal });
        switch (outcome.status) {
          case 'captured':
            return;
          case 'declined':
            throw new RejectTask(outcome.reason);
          case 'unavailable':
            throw new Error(outcome.reason);
          case 'stale':
            // The lease is over, so whatever is thrown here settles nothing.
            throw new Error(`order ${payment.orderId} is with the holder of token ${outcome.newestToken}`);
        }
      },
    },
  });
}
