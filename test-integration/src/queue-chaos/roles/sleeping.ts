import type { ChildContext } from '../child-context.ts';
import { startSleepingWorker } from '../sleeping-worker.ts';

/** A worker that is frozen from outside, and tells its parent what it saw. */
export async function sleepingWorker({ spec, redis }: ChildContext): Promise<void> {
  await startSleepingWorker(redis, spec.queue, spec.leaseMs, (sign) => process.send!(sign));
}
