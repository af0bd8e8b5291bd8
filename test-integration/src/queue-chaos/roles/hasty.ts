import { sleep, systemClock } from '@lockstep/core';
import { createQueue } from '@lockstep/task-queue';
import type { ChildContext } from '../child-context.ts';
import { stormQueue } from '../queues.ts';

/** Acknowledges first and works then, as a queue without leases does: a control that has to lose tasks when it is killed. */
export function hastyWorker({ spec, redis, history }: ChildContext): Promise<void> {
  const queue = createQueue({ redis, ...stormQueue(spec.queue, spec.leaseMs) });
  const lane = async (): Promise<never> => {
    for (;;) {
      for (const lease of await queue.receive({ max: 1, waitMs: 1_000 })) {
        await lease.complete();
        const run = history.invoke('run', { key: lease.id, value: lease.id, token: lease.fencingToken });
        await sleep(systemClock, lease.input.ms);
        run.ok({ value: lease.id });
      }
    }
  };
  for (let at = 0; at < spec.concurrency; at += 1) void lane();
  return Promise.resolve();
}
