import { defineQueue, task } from '@lockstep/task-queue';
import { anyInput, noInput } from './any-input.ts';

/** A task that takes this long. */
export interface Work {
  readonly ms: number;
}

/** A task that is to begin at a moment of the machine's true clock. */
export interface Due extends Work {
  readonly intendedAt: number;
}

/** The queue of the storm; a lease is short, so that a crash is made good within a test's time. */
export const stormQueue = (name: string, leaseMs: number) =>
  defineQueue({
    name,
    // Kills are frequent and tasks some leases long: none of them is poison.
    maxDeliveries: 100,
    tasks: { work: task({ input: anyInput<Work>(), visibilityTimeoutMs: leaseMs }) },
  });

/**
 * {@link stormQueue}, whose completed tasks are kept: a producer that repeats an enqueue of unknown outcome then adds
 * nothing twice, also where the first one had arrived and its tasks are done by now.
 */
export const keptStormQueue = (name: string, leaseMs: number) =>
  defineQueue({
    ...stormQueue(name, leaseMs),
    tasks: {
      work: task({ input: anyInput<Work>(), output: anyInput<null>(), visibilityTimeoutMs: leaseMs }),
    },
  });

/** Its output says who completed a task. */
export const pausedQueue = (name: string, leaseMs: number) =>
  defineQueue({
    name,
    tasks: {
      hold: task({
        input: anyInput<null>(),
        output: anyInput<'stale' | 'survivor'>(),
        visibilityTimeoutMs: leaseMs,
      }),
    },
  });

export const skewedQueue = (name: string, leaseMs: number) =>
  defineQueue({
    name,
    tasks: { due: task({ input: anyInput<Due>(), visibilityTimeoutMs: leaseMs }) },
  });

const soon = { type: 'fixed', delayMs: 20 } as const;

/** How often each kind of poison is tried before it is dead. */
export const poisonLimits = { maxAttempts: 3, maxDeliveries: 3 } as const;

/** As the workers know it; `changed` has become stricter since its tasks were enqueued. */
export const poisonQueue = (name: string, leaseMs: number) => {
  const common = { visibilityTimeoutMs: leaseMs, maxAttempts: poisonLimits.maxAttempts, backoff: soon };
  const input = anyInput<unknown>();
  return defineQueue({
    name,
    maxDeliveries: poisonLimits.maxDeliveries,
    tasks: {
      throws: task({ input, ...common }),
      hangs: task({ input, timeoutMs: 150, ...common }),
      killed: task({ input, ...common }),
      exits: task({ input, ...common }),
      changed: task({ input: noInput<unknown>('must have an address'), ...common }),
      fine: task({ input, ...common }),
    },
  });
};
