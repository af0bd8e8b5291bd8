import { isLockstepError, sleep, systemClock } from '@lockstep/core';
import { createQueue } from '@lockstep/task-queue';
import type { ChildContext } from '../child-context.ts';
import { machineNow } from '../machine-clock.ts';
import { note } from '../notes.ts';
import { pausedQueue } from '../queues.ts';

const lookMs = 5;

/**
 * Works until its signal aborts, and then completes all the same, which has to be refused. What it did to the outside
 * world is in the hash `effects`, which nobody fences: the control.
 */
export async function pausedWorker({ spec, redis, history }: ChildContext): Promise<void> {
  const queue = createQueue({ redis, ...pausedQueue(spec.queue, spec.leaseMs) });
  const worker = queue.worker({
    concurrency: spec.concurrency,
    handlers: {
      hold: async (_, lease) => {
        const { id, fencingToken: token, signal } = lease;
        const told = history.invoke('told', { key: id, token });
        signal.addEventListener('abort', () => {
          const reason: unknown = signal.reason;
          told.ok({ value: isLockstepError(reason, 'LEASE_LOST') && !lease.isValid() });
        });
        await note(redis, spec.queue, 'begun', id, token);
        while (!signal.aborted) {
          const since = machineNow();
          await sleep(systemClock, lookMs);
          if (machineNow() - since > spec.leaseMs / 2) history.invoke('woke', { key: id, token }).ok();
        }
        await note(redis, spec.queue, 'effects', id, token);
        await note(redis, spec.queue, 'ended', id, token);
        return 'stale' as const;
      },
    },
  });
  await worker.start();
}
