import {
  isLockstepError,
  TaskTimeoutError,
  whenReady,
  type CustomBackoffs,
  type MaybePromise,
} from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import { sealEnvelope, type Envelope } from './envelope.ts';
import { HandlerContext } from './handler-context.ts';
import { isOpened, openTask, type OpenedTask } from './open-task.ts';
import type { QueueParts } from './queue-parts.ts';
import { isThenable, withTimeout, type HandlerTimeout } from './run-handler.ts';
import { deadOnArrival, settlementOf, type FailedAttempt, type Holder } from './settle.ts';
import type { SlotsInUse } from './slots-in-use.ts';
import type { TaskContext } from './task-lease.ts';

/** A handler, its types left behind. */
export type UntypedHandler = (input: unknown, context: TaskContext) => unknown;

export interface RunnerOptions {
  readonly handlers: Readonly<Record<string, UntypedHandler>>;
  readonly backoffs: CustomBackoffs;
  /** The name under which failures are kept. */
  readonly worker: string;
  readonly slots: SlotsInUse;
}

/** How long the output of a completed task is kept. */
const outcomeKeptMs = 3_600_000;

const completed: Settlement = Object.freeze({ type: 'complete' });

/**
 * Runs claimed tasks through their handlers and says what becomes of each. A task whose schemas and handler are
 * synchronous is through within the call: at tens of thousands a second, promises and closures for each are what a
 * worker's time goes into.
 */
export class TaskRunner {
  readonly #parts: QueueParts;
  readonly #handlers: Readonly<Record<string, UntypedHandler>>;
  readonly #holder: Holder;
  readonly #slots: SlotsInUse;
  #overdue = 0;

  constructor(parts: QueueParts, { handlers, backoffs, worker, slots }: RunnerOptions) {
    this.#parts = parts;
    this.#handlers = handlers;
    this.#slots = slots;
    this.#holder = { worker, backoffs };
  }

  /** Handlers that outran their task's `timeoutMs` and have not come back. */
  get overdue(): number {
    return this.#overdue;
  }

  /** Rejects only when Redis fails, never for what a payload or a handler does. */
  run(delivery: Delivery): MaybePromise<Settlement> {
    const opened = openTask(this.#parts, delivery, this.#holder);
    return whenReady(opened, (task) => this.#runOpened(task));
  }

  #runOpened(opened: OpenedTask | Settlement): MaybePromise<Settlement> {
    return isOpened(opened) ? this.#handle(opened) : opened;
  }

  #handle({ attempt, data }: OpenedTask): MaybePromise<Settlement> {
    const { redis, logger } = this.#parts;
    const { delivery, envelope, known } = attempt;
    const handler = this.#handlers[known.name]!;
    const context = new HandlerContext(delivery, envelope, logger);
    this.#measureWait(delivery, envelope);
    const startedAt = redis.clock.monotonic();
    let returned: unknown;
    try {
      returned = handler(data, context);
      if (isThenable(returned)) return this.#awaitHandler(attempt, returned, startedAt);
    } catch (thrown) {
      this.#measureRun(startedAt);
      return this.#failed(attempt, thrown);
    }
    this.#measureRun(startedAt);
    return this.#completion(attempt, returned);
  }

  async #awaitHandler(
    attempt: FailedAttempt,
    outcome: PromiseLike<unknown>,
    startedAt: number,
  ): Promise<Settlement> {
    const timeout = this.#timeout(attempt);
    // What ends within the call keeps no slot from anybody.
    this.#slots.take(attempt.delivery);
    let returned: unknown;
    try {
      returned = await (timeout === undefined ? outcome : withTimeout(outcome, timeout));
    } catch (thrown) {
      return this.#failed(attempt, thrown);
    } finally {
      this.#slots.give(attempt.delivery);
      this.#measureRun(startedAt);
    }
    return this.#completion(attempt, returned);
  }

  #failed(attempt: FailedAttempt, thrown: unknown): Settlement {
    return isTakenAway(attempt.delivery) ? { type: 'release' } : settlementOf(this.#parts, attempt, thrown);
  }

  #measureRun(startedAt: number): void {
    const endedAt = this.#parts.redis.clock.monotonic();
    this.#parts.timings.ran(endedAt - startedAt, endedAt);
  }

  /** A later delivery waited for more than a worker: for a lease to run out, or for its back-off. */
  #measureWait({ attempts, deliveries, enqueuedAt }: Delivery, { dueInMs = 0 }: Envelope): void {
    if (attempts > 0 || deliveries > 1) return;
    this.#parts.timings.waited(this.#parts.redis.serverNow() - enqueuedAt - dueInMs);
  }

  #timeout({ known, delivery }: FailedAttempt): HandlerTimeout | undefined {
    const { timeoutMs } = known.settings;
    if (timeoutMs === undefined) return undefined;
    return {
      clock: this.#parts.redis.clock,
      timeoutMs,
      onTimeout: () => {
        this.#overdue += 1;
        const error = new TaskTimeoutError(known.name, timeoutMs);
        delivery.abort(error);
        return error;
      },
      onReturned: () => {
        this.#overdue -= 1;
      },
    };
  }

  #completion(attempt: FailedAttempt, returned: unknown): MaybePromise<Settlement> {
    const { name, output } = attempt.known;
    if (output === undefined) return completed;
    try {
      const payload = output.encode(returned);
      if (!(payload instanceof Promise)) return completion(name, payload);
      return payload.then(
        (text) => completion(name, text),
        (thrown: unknown) => this.#refusedOutput(attempt, thrown),
      );
    } catch (thrown) {
      return this.#refusedOutput(attempt, thrown);
    }
  }

  /** The work is done: running it again for the sake of its output would do it twice. */
  #refusedOutput(attempt: FailedAttempt, thrown: unknown): Settlement {
    return deadOnArrival(this.#parts, attempt, 'output', thrown);
  }
}

/** The end of a task with an output. */
export function completion(name: string, payload: string): Settlement {
  return { type: 'complete', result: sealEnvelope({ name }, payload), keepMs: outcomeKeptMs };
}

/** The attempt did not fail, it was stopped: by a shutdown, a cancellation or a lost lease. */
function isTakenAway({ signal }: Delivery): boolean {
  return signal.aborted && !isLockstepError(signal.reason, 'TASK_TIMEOUT');
}
