import { defineQueue, task } from '@lockstep/task-queue';
import { payment } from './order.ts';

/** Orders to be paid. The orders service fills it, the payments service works it off. */
export const payments = defineQueue({
  name: 'payments',
  tasks: {
    'payment.charge': task({
      input: payment,
      // A charge takes a tenth of a second. After a crash its order waits this long for another worker.
      visibilityTimeoutMs: 3_000,
      maxAttempts: 4,
      backoff: { type: 'exponential', initialMs: 200, maxMs: 2_000, jitter: 'equal' },
    }),
  },
});
