import { sleep, systemClock } from '@lockstep/core';
import { closeOnSignals } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import type { ChildContext } from '../child-context.ts';
import { stormQueue } from '../queues.ts';

/** A service as users write one: a worker, a subscription, and an end in good order on SIGTERM. Nothing calls exit. */
export async function service({ spec, redis, history }: ChildContext): Promise<void> {
  const queue = createQueue({ redis, ...stormQueue(spec.queue, spec.leaseMs) });
  const worker = queue.worker({
    concurrency: spec.concurrency,
    handlers: {
      work: async ({ ms }, { id, fencingToken: token, signal }) => {
        const run = history.invoke('run', { key: id, value: id, token });
        await sleep(systemClock, ms, { signal });
        run.ok({ value: id });
      },
    },
  });
  await redis.subscribe(redis.keyspace('chaos', spec.queue).channel('news'), () => {}).ready;
  closeOnSignals(redis, { drainMs: 300, abortMs: 500 });
  await worker.start();
}
