import type { Redis } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { machineNow } from './machine-clock.ts';
import type { WorkerSign } from './pickup-log.ts';
import { stormQueue } from './queues.ts';

/** Starts a worker that tells of all that may have woken it, and of the tasks it picks up. */
export async function startSleepingWorker(
  redis: Redis,
  queueName: string,
  leaseMs: number,
  tell: (sign: WorkerSign) => void,
): Promise<void> {
  for (const event of ['up', 'gap', 'failover'] as const)
    redis.on(event, () => tell({ sign: 'reconnect', at: machineNow() }));
  // Beside the worker's own: the process's channel may be heard by several.
  await redis.subscribe(redis.doorbell.channel, () => tell({ sign: 'bell', at: machineNow() })).ready;
  const queue = createQueue({ redis, ...stormQueue(queueName, leaseMs) });
  const worker = queue.worker({
    handlers: { work: (_, { id }) => tell({ sign: 'pickup', id, at: machineNow() }) },
  });
  await worker.start();
  await redis.doorbell.ready;
}
