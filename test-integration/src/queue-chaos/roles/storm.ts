import { sleep, systemClock } from '@lockstep/core';
import { createQueue } from '@lockstep/task-queue';
import type { ChildContext } from '../child-context.ts';
import { onMachineClock } from '../machine-clock.ts';
import { keptStormQueue } from '../queues.ts';

/** Writes down the begin and the end of each run and until when its lease was known to hold. */
export async function stormWorker({ spec, redis, history }: ChildContext): Promise<void> {
  const queue = createQueue({ redis, ...keptStormQueue(spec.queue, spec.leaseMs) });
  const worker = queue.worker({
    concurrency: spec.concurrency,
    handlers: {
      // It ignores its signal, as careless handlers do: what it then completes has to be refused.
      work: async ({ ms }, lease) => {
        const token = lease.fencingToken;
        const run = history.invoke('run', {
          key: lease.id,
          value: lease.id,
          token,
          until: onMachineClock(lease.expiresAt),
        });
        if (ms > 0) await sleep(systemClock, ms);
        run.ok({ value: lease.id, token, until: onMachineClock(lease.expiresAt) });
        return null;
      },
    },
  });
  await worker.start();
}
