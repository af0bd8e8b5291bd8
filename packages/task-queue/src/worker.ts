import {
  healthReport,
  type CloseOptions,
  type CloseReport,
  type HealthCheck,
  type HealthReport,
} from '@lockstep/core';
import type { Consumer, ConsumerStats, Delivery, Settlement } from '@lockstep/delivery/internal';
import { HealthChecks } from './health-checks.ts';
import type { QueueParts } from './queue-parts.ts';
import { SlotsInUse } from './slots-in-use.ts';
import { TaskRunner } from './task-runner.ts';
import type { ResolvedWorkerOptions } from './worker-options.ts';

/** What became of the tasks that ran when a worker stopped. */
export type WorkerReport = CloseReport;

/** What a worker has done since it was made; of this process alone. */
export interface WorkerStats extends ConsumerStats {
  /** Handlers that outran `timeoutMs` and ignore their signal. */
  readonly overdue: number;
}

/** A worker with a free slot asks at least every 5 s: after three missed turns something is wrong. */
const claimDegradedMs = 15_000;
const claimDownMs = 60_000;

/**
 * Claims tasks and runs their handlers. Made by `queue.worker()`. Starting and stopping are idempotent and legal in any
 * order; closing the queue or the connection stops it.
 */
export class Worker implements AsyncDisposable {
  readonly #parts: QueueParts;
  readonly #consumer: Consumer;
  readonly #runner: TaskRunner;
  readonly #slots: SlotsInUse;
  readonly #checks: HealthChecks;
  #startedAt: number | undefined;

  /** Use `queue.worker()`. */
  constructor(parts: QueueParts, { handlers, backoffs, concurrency }: ResolvedWorkerOptions) {
    this.#parts = parts;
    this.#slots = new SlotsInUse(parts.redis.clock, concurrency);
    this.#checks = new HealthChecks(parts.redis.clock);
    this.#consumer = parts.engine.consume({
      concurrency,
      handle: (delivery) => this.#runner.run(delivery),
      onSettled: (delivery, settlement, accepted) => this.#settled(delivery, settlement, accepted),
    });
    this.#runner = new TaskRunner(parts, { handlers, backoffs, worker: this.id, slots: this.#slots });
  }

  /** Identifies this worker among all processes; the `worker` of a task's failures. */
  get id(): string {
    return this.#consumer.id;
  }

  /** Starts claiming. Resolves at once: also while Redis is down, the worker keeps trying. */
  start(): Promise<void> {
    this.#startedAt ??= this.#parts.redis.clock.monotonic();
    this.#consumer.start();
    this.#parts.sweeper.join(this);
    return Promise.resolve();
  }

  /**
   * Claims no more and waits `drainMs` (10 s) for handlers; then aborts their signals with `ShutdownError` and waits
   * `abortMs` (2 s). What has not ended by then is handed back without burning an attempt.
   */
  stop(options?: CloseOptions): Promise<WorkerReport> {
    this.#startedAt = undefined;
    this.#parts.sweeper.leave(this);
    return this.#consumer.stop(options);
  }

  stats(): WorkerStats {
    return { ...this.#consumer.stats(), overdue: this.#runner.overdue };
  }

  /** Whether tasks are being claimed and handlers come back. No round trip. */
  health(): Promise<HealthReport> {
    return Promise.resolve(healthReport([this.#claims(), this.#handlers()]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #claims(): HealthCheck {
    const silentMs = this.#silentMs();
    const status = silentMs >= claimDownMs ? 'down' : silentMs >= claimDegradedMs ? 'degraded' : 'up';
    return this.#checks.check('claims', {
      status,
      value: silentMs,
      thresholds: { degraded: claimDegradedMs, down: claimDownMs },
      remedy:
        status === 'up'
          ? ''
          : 'check the connection to Redis: it was to be heard of, and was not, for this many ms',
    });
  }

  #silentMs(): number {
    if (this.#startedAt === undefined) return 0;
    const sinceStart = this.#parts.redis.clock.monotonic() - this.#startedAt;
    const sinceLastTurn = this.#consumer.stats().sinceLastTurnMs ?? Infinity;
    return Math.min(sinceLastTurn, sinceStart, this.#slots.overdueMs());
  }

  #handlers(): HealthCheck {
    const { overdue } = this.#runner;
    return this.#checks.check('overdue-handlers', {
      status: overdue > 0 ? 'degraded' : 'up',
      value: overdue,
      remedy:
        overdue > 0 ? 'make handlers stop when their signal aborts: these ran past timeoutMs and go on' : '',
    });
  }

  #settled({ id, fencingToken }: Delivery, { type }: Settlement, accepted: boolean): void {
    if (accepted) return;
    const fields = { queue: this.#parts.definition.name, id, fencingToken, outcome: type };
    this.#parts.logger.warn(
      fields,
      `${this.#parts.label}: a lease was lost, so the outcome of its task was refused`,
    );
  }
}
