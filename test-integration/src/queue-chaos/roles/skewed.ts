import { sleep, systemClock } from '@lockstep/core';
import { createQueue } from '@lockstep/task-queue';
import type { ChildContext } from '../child-context.ts';
import { skewedQueue } from '../queues.ts';

/** Writes down how late each task began, by the machine's true clock: the one that Redis on this machine has. */
export async function skewedWorker({ spec, redis, history }: ChildContext): Promise<void> {
  const queue = createQueue({ redis, ...skewedQueue(spec.queue, spec.leaseMs) });
  const worker = queue.worker({
    concurrency: spec.concurrency,
    handlers: {
      due: async ({ intendedAt, ms }, { id, fencingToken: token }) => {
        const run = history.invoke('run', { key: id, token, value: Date.now() - intendedAt });
        if (ms > 0) await sleep(systemClock, ms);
        run.ok();
      },
    },
  });
  await worker.start();
}
