import type { Lease, Logger } from '@lockstep/core';
import type { TaskData, TaskMap, TaskName, TaskReturn } from './definition.ts';
import type { TaskPriority } from './enqueue-options.ts';
import type { TaskId } from './task-id.ts';

/** What is known of a claimed task besides its data. */
export interface ClaimedTask<Name extends string = string> extends Lease {
  /** The task's name. */
  readonly name: Name;
  readonly id: TaskId<Name>;
  /** Which try this is: 1 is the first. Counts failed attempts, not crashes. */
  readonly attempt: number;
  /** How often the task was handed out, this time included. */
  readonly delivery: number;
  readonly priority: TaskPriority;
  /** By the server's clock. */
  readonly enqueuedAt: number;
  /** The producer's trace context. */
  readonly traceparent: string | undefined;
  /** Tells `queue.get(id)` how far the work is: a fraction or a count, and a word about it. Fenced: rejects when the lease is lost. */
  progress(done: number, note?: string): Promise<void>;
}

/** The second argument of a handler. Its signal aborts when the lease is lost, the time is up, the task was cancelled or the worker stops. */
export interface TaskContext<Name extends string = string> extends ClaimedTask<Name> {
  /** Adds the task's name, id and attempt to each line. */
  readonly logger: Logger;
}

/** One handler per task: what it is given and returns follows from the schemas. */
export type TaskHandlers<Tasks extends TaskMap> = {
  readonly [Name in TaskName<Tasks>]: (
    input: TaskData<Tasks[Name]>,
    context: TaskContext<Name>,
  ) => TaskReturn<Tasks[Name]> | Promise<TaskReturn<Tasks[Name]>>;
};

export interface RetryOptions {
  /** @defaultValue what the task's back-off says */
  readonly delayMs?: number | undefined;
  /** Kept in the task's history. */
  readonly error?: unknown;
}

/**
 * A task taken with `receive()`: settle it once, by one of complete, retry, reject and release. Narrow by `name` first.
 * Disposing an unsettled one releases it.
 */
export interface TaskLease<Name extends string, Input, Result> extends ClaimedTask<Name> {
  readonly input: Input;
  /**
   * Ends the task with its output.
   *
   * @throws `LeaseLostError` when it is not ours any more: nothing was recorded.
   */
  // The `this` type makes a call on a union that is not narrowed by name an error, also where the outputs coincide.
  complete(
    this: { readonly name: Name },
    ...output: void extends Result ? [] : [output: Result]
  ): Promise<void>;
  /** Counts a failed attempt: the task runs again after the delay, or is a dead letter when that was its last. */
  retry(options?: RetryOptions): Promise<void>;
  /** Makes the task a dead letter, with this reason. */
  reject(reason: string): Promise<void>;
  /** Gives the task back at once, as if it had not been taken: no attempt is counted. */
  release(): Promise<void>;
}

/** What `receive()` gives: a union to be narrowed by `name`. */
export type ReceivedTask<Tasks extends TaskMap, Name extends TaskName<Tasks> = TaskName<Tasks>> = {
  [N in Name]: TaskLease<N, TaskData<Tasks[N]>, TaskReturn<Tasks[N]>>;
}[Name];
