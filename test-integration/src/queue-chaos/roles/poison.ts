import { createQueue } from '@lockstep/task-queue';
import type { ChildContext } from '../child-context.ts';
import { poisonQueue } from '../queues.ts';

/** Handlers that fail in every way there is. */
export async function poisonWorker({ spec, redis }: ChildContext): Promise<void> {
  const queue = createQueue({ redis, ...poisonQueue(spec.queue, spec.leaseMs) });
  const worker = queue.worker({
    concurrency: spec.concurrency,
    handlers: {
      throws: () => {
        throw new TypeError('no such customer');
      },
      hangs: () => new Promise<never>(() => {}),
      killed: () => void process.kill(process.pid, 'SIGKILL'),
      exits: () => process.exit(3),
      changed: () => {},
      fine: () => {},
    },
  });
  await worker.start();
}
