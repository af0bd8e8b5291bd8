import {
  healthReport,
  type Closeable,
  type CloseOptions,
  type CloseReport,
  type HealthCheck,
  type HealthReport,
} from '@lockstep/core';
import type { CancelResult, Engine, EngineStats } from '@lockstep/delivery/internal';
import { severityOf } from './dead-letter-stats.ts';
import { DeadLetters } from './dead-letters.ts';
import type { TaskInput, TaskMap, TaskName, TaskOutput } from './definition.ts';
import type { Enqueued, EnqueueEntry, EnqueueOptions } from './enqueue-options.ts';
import { HealthChecks } from './health-checks.ts';
import { Producer, type UntypedEntry } from './producer.ts';
import type { QueueParts } from './queue-parts.ts';
import type { ReceiveOptions } from './receive-options.ts';
import { Receiver } from './receiver.ts';
import { rememberParts } from './redrive-target.ts';
import { taskResult, type ResultOptions } from './results.ts';
import type { NameOfId } from './task-id.ts';
import type { ReceivedTask } from './task-lease.ts';
import type { TaskOutcome } from './task-outcome.ts';
import { taskRecord, taskSummary, type TaskRecord, type TaskState, type TaskSummary } from './task-record.ts';
import type { LocalStats } from './timings.ts';
import { resolveWorkerOptions, type WorkerOptions } from './worker-options.ts';
import { Worker } from './worker.ts';

/**
 * Counters of the whole queue, over all processes, and what this process measured. How fast the whole fleet is follows
 * from `completed` and `failed` of two readings: Redis keeps no times, which would cost every task a command.
 */
export interface QueueStats extends EngineStats {
  /** Tasks that wait for others of their group. There are no groups yet: 0. */
  readonly parked: number;
  /** Of the workers that this queue object made, in this process alone. */
  readonly local: LocalStats;
}

export interface ListOptions {
  readonly state: TaskState;
  /** Ends the iteration: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What happened to a task that was to be cancelled. `cancelled`: it was waiting, and is gone. `cancelling`: it runs; its
 * signal aborts with `TaskCancelledError` and it is not retried. `not-found`: it is dead, over or was never there.
 */
export type CancelOutcome = CancelResult;

/**
 * A queue of typed tasks, delivered at least once. Any number of processes may enqueue into it and work on it. Made by
 * `createQueue`; closed with its connection at the latest.
 */
export class Queue<Tasks extends TaskMap> implements Closeable<QueueStats> {
  readonly name: string;
  readonly deadLetters: DeadLetters<Tasks>;
  readonly #parts: QueueParts;
  readonly #producer: Producer;
  readonly #receiver: Receiver;
  readonly #checks: HealthChecks;

  /** Use `createQueue`. */
  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.name = parts.definition.name;
    this.deadLetters = new DeadLetters(parts);
    rememberParts(this, parts);
    this.#producer = new Producer(parts);
    this.#receiver = new Receiver(parts);
    this.#checks = new HealthChecks(parts.redis.clock);
  }

  /**
   * Adds a task. Calls of one tick share a round trip. When it resolves the task is in Redis; a lost reply is repeated
   * without adding it twice.
   *
   * @throws `ConfigurationError`, `PayloadInvalidError`, `PayloadTooLargeError`: nothing was added.
   * `RedisUnavailableError`: nothing was added, unless `outcomeUnknown`; with an `id` of your own it is added once, as long as the queue keeps that
   * id: see {@link EnqueueOptions.id}.
   */
  enqueue<Name extends TaskName<Tasks>>(
    name: Name,
    input: TaskInput<Tasks[Name]>,
    options?: EnqueueOptions,
  ): Promise<Enqueued<Name>> {
    return this.#producer.enqueue(name, input, options) as Promise<Enqueued<Name>>;
  }

  /**
   * Adds many tasks in few round trips; results in the order of the entries. Nothing is added when an entry is refused.
   * When Redis fails half-way, some may have been added: with ids of your own it can be repeated safely.
   */
  enqueueMany<const Entries extends readonly EnqueueEntry<Tasks>[]>(
    entries: Entries,
  ): Promise<{ -readonly [Index in keyof Entries]: Enqueued<Entries[Index]['name']> }> {
    const untyped: readonly UntypedEntry[] = entries;
    return this.#producer.enqueueMany(untyped) as Promise<never>;
  }

  /**
   * What became of a task; waits for it to end. Misses nothing: it listens before it looks. With the id that `enqueue`
   * gave, the output has the task's type. Outputs are kept for an hour; a task without an output leaves nothing behind,
   * so that one which ended before the call is `unknown`.
   */
  result<Id extends string>(
    id: Id,
    options?: ResultOptions,
  ): Promise<TaskOutcome<TaskOutput<Tasks[NameOfId<Tasks, Id>]>>> {
    return taskResult(this.#parts, id, options) as Promise<
      TaskOutcome<TaskOutput<Tasks[NameOfId<Tasks, Id>]>>
    >;
  }

  /** Makes a worker; it claims nothing before `start()`. Throws `ConfigurationError`. */
  worker(options: WorkerOptions<Tasks>): Worker {
    return new Worker(this.#parts, resolveWorkerOptions(options, this.#parts.definition));
  }

  /**
   * Takes tasks by hand. Their leases are not renewed by themselves: extend them, settle them, or dispose of them.
   * Empty when there was nothing within `waitMs`.
   */
  receive(options?: ReceiveOptions): Promise<ReceivedTask<Tasks>[]> {
    return this.#receiver.receive(options) as Promise<unknown> as Promise<ReceivedTask<Tasks>[]>;
  }

  /** A task by id; `undefined` when nothing is kept of it. */
  async get(id: string): Promise<TaskRecord | undefined> {
    const item = await this.#engine.get(id);
    return item && taskRecord(this.#parts.codec, item);
  }

  /** The tasks in a state, read in slices while it is iterated; not a snapshot of one moment. */
  async *list(options: ListOptions): AsyncGenerator<TaskSummary, void, undefined> {
    for await (const item of this.#engine.list(options)) {
      yield taskSummary(this.#parts.codec, item);
      this.#parts.closing.assertOpen();
    }
  }

  /** Cancels a task wherever it is: see {@link CancelOutcome}. A handler that completes nevertheless has completed. */
  async cancel(id: string): Promise<CancelOutcome> {
    return this.#engine.cancel(id);
  }

  /** Hands out nothing until `resume`, in any process; what runs goes on. */
  async pause(): Promise<void> {
    return this.#engine.pause();
  }

  async resume(): Promise<void> {
    return this.#engine.resume();
  }

  /** Removes every task, dead letter, outcome and counter, at once. Holders of leases are told at their next renewal. */
  async obliterate(): Promise<void> {
    return this.#engine.obliterate();
  }

  /** One round trip, whatever the backlog. */
  async stats(): Promise<QueueStats> {
    return { ...(await this.#engine.stats()), parked: 0, local: this.#parts.timings.read() };
  }

  /** The queue's own checks, and how many dead letters there are. Two round trips. Does not reject: Redis may be down. */
  async health(): Promise<HealthReport> {
    const { checks } = await this.#parts.engine.health();
    const dead = await this.#countDead();
    return healthReport(dead === undefined ? checks : [...checks, this.#deadLetterCheck(dead)]);
  }

  /** Stops the workers of this queue object, as `worker.stop` does, and refuses further calls. Idempotent. */
  async close(options?: CloseOptions): Promise<CloseReport> {
    const { closing, engine, sweeper } = this.#parts;
    closing.begin();
    sweeper.close();
    const report = await engine.close(options);
    closing.end();
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Throws `ClosedError`. */
  get #engine(): Engine {
    this.#parts.closing.assertOpen();
    return this.#parts.engine;
  }

  async #countDead(): Promise<number | undefined> {
    try {
      return (await this.#parts.engine.stats()).dead;
    } catch {
      // The engine's own check tells that Redis does not answer.
      return undefined;
    }
  }

  #deadLetterCheck(dead: number): HealthCheck {
    const { warningAt, criticalAt } = this.#parts.definition;
    const thresholds = { warning: warningAt, critical: criticalAt };
    const severity = severityOf(dead, this.#parts.definition);
    // Never `down`: the queue works, and restarting a process that says so would cure nothing.
    const status = severity === 'ok' ? 'up' : 'degraded';
    const remedy = severity === 'ok' ? '' : `${severity}: see deadLetters.stats() for what to do`;
    return this.#checks.check('dead-letters', { status, value: dead, thresholds, remedy });
  }
}
