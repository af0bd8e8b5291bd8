import { isLockstepError, TaskTimeoutError, type CustomBackoffs, type Logger } from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import { DeliveredTask } from './claimed-task.ts';
import type { ResolvedTask } from './definition-schema.ts';
import { sealEnvelope, type Envelope } from './envelope.ts';
import { isOpened, openTask } from './open-task.ts';
import type { QueueParts } from './queue-parts.ts';
import { runHandler, type HandlerTimeout } from './run-handler.ts';
import { deadOnArrival, settlementOf, type FailedAttempt } from './settle.ts';
import type { TaskContext } from './task-lease.ts';
import { taskLogger } from './task-logger.ts';

/** A handler, its types left behind. */
export type UntypedHandler = (input: unknown, context: TaskContext) => unknown;

export interface RunnerOptions {
  readonly handlers: Readonly<Record<string, UntypedHandler>>;
  readonly backoffs: CustomBackoffs;
  /** The name under which failures are kept. */
  readonly worker: () => string;
}

/** How long the output of a completed task is kept. */
export const outcomeKeptMs = 3_600_000;

/** Runs claimed tasks through their handlers and says what becomes of each. */
export class TaskRunner {
  readonly #parts: QueueParts;
  readonly #options: RunnerOptions;
  #overdue = 0;

  constructor(parts: QueueParts, options: RunnerOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Handlers that outran their task's `timeoutMs` and have not come back. */
  get overdue(): number {
    return this.#overdue;
  }

  /** Rejects only when Redis fails, never for what a payload or a handler does. */
  async run(delivery: Delivery): Promise<Settlement> {
    const { backoffs, worker } = this.#options;
    const opened = await openTask(this.#parts, delivery, { backoffs, worker: worker() });
    if (!isOpened(opened)) return opened;
    const { attempt, data } = opened;
    try {
      const returned = await this.#handle(attempt, data);
      return await this.#completion(attempt, returned);
    } catch (thrown) {
      return isTakenAway(delivery) ? { type: 'release' } : settlementOf(this.#parts, attempt, thrown);
    }
  }

  async #handle({ envelope, delivery, task }: FailedAttempt, data: unknown): Promise<unknown> {
    const { redis, timings, logger } = this.#parts;
    const handler = this.#options.handlers[envelope.name]!;
    const context = new HandlerContext(delivery, envelope, logger);
    this.#measureWait(delivery, envelope);
    const startedAt = redis.clock.monotonic();
    try {
      return await runHandler(() => handler(data, context), this.#timeout(envelope, task, delivery));
    } finally {
      timings.ran(redis.clock.monotonic() - startedAt);
    }
  }

  /** A later delivery waited for more than a worker: for a lease to run out, or for its back-off. */
  #measureWait({ attempts, deliveries, enqueuedAt }: Delivery, { dueInMs = 0 }: Envelope): void {
    if (attempts > 0 || deliveries > 1) return;
    this.#parts.timings.waited(this.#parts.redis.serverNow() - enqueuedAt - dueInMs);
  }

  #timeout({ name }: Envelope, { timeoutMs }: ResolvedTask, delivery: Delivery): HandlerTimeout | undefined {
    if (timeoutMs === undefined) return undefined;
    return {
      clock: this.#parts.redis.clock,
      timeoutMs,
      onTimeout: () => {
        this.#overdue += 1;
        const error = new TaskTimeoutError(name, timeoutMs);
        delivery.abort(error);
        return error;
      },
      onReturned: () => {
        this.#overdue -= 1;
      },
    };
  }

  async #completion(attempt: FailedAttempt, returned: unknown): Promise<Settlement> {
    const { name } = attempt.envelope;
    const gate = this.#parts.gates.get(name)?.output;
    if (gate === undefined) return { type: 'complete' };
    try {
      const result = sealEnvelope({ name }, await gate.encode(returned));
      return { type: 'complete', result, keepMs: outcomeKeptMs };
    } catch (thrown) {
      // The work is done: running it again for the sake of its output would do it twice.
      return deadOnArrival(this.#parts, attempt, 'output', thrown);
    }
  }
}

/** The attempt did not fail, it was stopped: by a shutdown, a cancellation or a lost lease. */
function isTakenAway({ signal }: Delivery): boolean {
  return signal.aborted && !isLockstepError(signal.reason, 'TASK_TIMEOUT');
}

class HandlerContext extends DeliveredTask implements TaskContext {
  readonly #base: Logger;
  #logger: Logger | undefined;

  constructor(delivery: Delivery, envelope: Envelope, base: Logger) {
    super(delivery, envelope);
    this.#base = base;
  }

  get logger(): Logger {
    this.#logger ??= taskLogger(this.#base, { task: this.name, id: this.id, attempt: this.attempt });
    return this.#logger;
  }
}
