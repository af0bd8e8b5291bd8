export { createQueue } from './create-queue.ts';
export { DeadLetters } from './dead-letters.ts';
export { defineQueue, task } from './definition.ts';
export { Queue } from './queue.ts';
export { RejectTask, RetryLater } from './task-control.ts';
export { Worker } from './worker.ts';

export type { DeadLetter } from './dead-letter.ts';
export type { DeadLetterFilter, DeadLetterSelection, ListDeadLettersOptions } from './dead-letter-filter.ts';
export type { DeadLetterSeverity, DeadLettersOfTask, DeadLetterStats } from './dead-letter-stats.ts';
export type { DeadLetterReport } from './dead-letters.ts';
export type {
  DeadLetterThresholds,
  QueueDefinition,
  TaskData,
  TaskDefinition,
  TaskInput,
  TaskMap,
  TaskName,
  TaskOutput,
  TaskReturn,
  TaskSettings,
} from './definition.ts';
export type { Enqueued, EnqueueEntry, EnqueueOptions, TaskPriority } from './enqueue-options.ts';
export type { CancelOutcome, ListOptions, QueueStats } from './queue.ts';
export type { QueueOptions } from './queue-options.ts';
export type { ReceiveOptions } from './receive-options.ts';
export type { RedriveOptions, RedriveTarget } from './redrive-options.ts';
export type { ResultOptions } from './results.ts';
export type { TaskFailure } from './task-failure.ts';
export type { NameOfId, TaskId } from './task-id.ts';
export type {
  ClaimedTask,
  ReceivedTask,
  RetryOptions,
  TaskContext,
  TaskHandlers,
  TaskLease,
} from './task-lease.ts';
export type { TaskError, TaskOutcome } from './task-outcome.ts';
export type { TaskProgress } from './task-progress.ts';
export type { TaskRecord, TaskState, TaskSummary } from './task-record.ts';
export type { LocalStats, Quantiles } from './timings.ts';
export type { WorkerOptions } from './worker-options.ts';
export type { WorkerReport, WorkerStats } from './worker.ts';
