import type { TaskFailure } from './task-failure.ts';

/** Why a task did not complete. */
export interface TaskError {
  /** `attempts`, `rejected: ...`, `payload`, `unknown-task`, `max-deliveries`, `cancelled` or `expired`. */
  readonly reason: string;
  /** The last failed attempt, when there was one. */
  readonly failure?: TaskFailure | undefined;
}

/**
 * What became of a task. `pending`: not settled within the time given. `unknown`: the queue keeps nothing under this id;
 * it was never enqueued, or it is over and its outcome is not kept any more.
 */
export type TaskOutcome<Output> =
  | { readonly status: 'completed'; readonly output: Output }
  | { readonly status: 'dead' | 'cancelled' | 'expired'; readonly error: TaskError }
  | { readonly status: 'pending' }
  | { readonly status: 'unknown' };
