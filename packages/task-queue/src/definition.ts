import type { Backoff, InferInput, InferOutput, StandardSchemaV1 } from '@lockstep/core';
import { parseDefinition } from './definition-schema.ts';

/** How tasks of one name are run. Plain data: producer and consumer share it. */
export interface TaskSettings {
  /**
   * How long a worker owns a claimed task before it must have renewed its lease; workers renew by themselves. After a
   * crash the task runs again this much later at most. At least 100.
   *
   * @defaultValue 30,000
   */
  readonly visibilityTimeoutMs?: number | undefined;
  /** Tries in total, the first included; a task that failed as often is a dead letter. @defaultValue 5 */
  readonly maxAttempts?: number | undefined;
  /** The wait after a failed attempt. @defaultValue exponential from 1 s to 5 min, half of it jitter */
  readonly backoff?: Backoff | undefined;
  /**
   * A handler that runs longer has its signal aborted with `TaskTimeoutError` and the attempt counts as failed, whether
   * or not the handler stops. Without it, a handler may run as long as its worker renews the lease.
   */
  readonly timeoutMs?: number | undefined;
}

/** A task's schemas and settings; made by {@link task}. */
export interface TaskDefinition<
  I extends StandardSchemaV1 = StandardSchemaV1,
  O extends StandardSchemaV1 | undefined = StandardSchemaV1 | undefined,
> extends TaskSettings {
  /** What the task is given. The wire holds the schema's input, the handler receives its output. */
  readonly input: I;
  /** What the handler returns (the schema's input) and `result()` gives (its output). Without it, nothing. */
  readonly output?: O | undefined;
  /** Never there at run time: it carries whether there is an output. */
  readonly '~types'?: { readonly i: I; readonly o: O } | undefined;
}

/** Task definitions by name. */
export type TaskMap = Readonly<Record<string, TaskDefinition>>;

/** The names in a {@link TaskMap}. */
export type TaskName<Tasks extends TaskMap> = keyof Tasks & string;

type SchemasOf<T extends TaskDefinition> = NonNullable<T['~types']>;

/** What a producer passes to `enqueue`. */
export type TaskInput<T extends TaskDefinition> = InferInput<SchemasOf<T>['i']>;

/** What a handler receives. */
export type TaskData<T extends TaskDefinition> = InferOutput<SchemasOf<T>['i']>;

/** What a handler returns and `complete` takes; `void` for a task without output. */
export type TaskReturn<T extends TaskDefinition> = InputOr<void, SchemasOf<T>['o']>;

/** What `result()` gives for a completed task; `undefined` for a task without output. */
export type TaskOutput<T extends TaskDefinition> = OutputOr<undefined, SchemasOf<T>['o']>;

// Conditionals over a bare parameter, so that a union of tasks gives the union of their outputs.
type InputOr<None, O> = O extends StandardSchemaV1 ? InferInput<O> : None;
type OutputOr<None, O> = O extends StandardSchemaV1 ? InferOutput<O> : None;

/** When the number of dead letters turns health to a warning and to critical. */
export interface DeadLetterThresholds {
  /** @defaultValue 10 */
  readonly warningAt?: number | undefined;
  /** @defaultValue 50 */
  readonly criticalAt?: number | undefined;
}

/** A queue as data; made by {@link defineQueue}. */
export interface QueueDefinition<Tasks extends TaskMap = TaskMap> {
  /** 1..512 bytes, no control characters, no braces. Queues of one name on one prefix are one queue. */
  readonly name: string;
  readonly tasks: Tasks;
  /**
   * How often a task may be handed to a worker without being settled, over crashes and lost leases, before it is a dead
   * letter with reason `max-deliveries`. Failed attempts do not count here. @defaultValue 10
   */
  readonly maxDeliveries?: number | undefined;
  /**
   * One claim in this many goes to the oldest waiting task of the lower levels, so that endless urgent work starves
   * none. 1 makes levels mean little; 0 is strict: a lower level waits until the higher ones are empty. Holds for the
   * claims of the process that has it. @defaultValue 16
   */
  readonly lowerShare?: number | undefined;
  /**
   * How long a task whose name no worker knows is kept going round before it is a dead letter with reason
   * `unknown-task`, in ms. Bridges a rolling deploy. @defaultValue 3,600,000
   */
  readonly unknownTaskMs?: number | undefined;
  readonly deadLetterThresholds?: DeadLetterThresholds | undefined;
}

/**
 * Declares a task. Its types follow from the schemas, any Standard Schema (zod, valibot, arktype): nothing needs
 * annotating where it is enqueued or handled.
 */
export function task<I extends StandardSchemaV1, O extends StandardSchemaV1 | undefined = undefined>(
  definition: TaskSettings & { readonly input: I; readonly output?: O | undefined },
  // Without NoInfer the place that it is called in, a map of any tasks, would answer for a missing output.
): TaskDefinition<I, NoInfer<O>> {
  return Object.freeze({ ...definition });
}

/**
 * Declares a queue: pure data, to be shared by the services that fill it and those that work it off. No I/O.
 *
 * @throws `ConfigurationError` naming path, rule and value.
 */
export function defineQueue<const Tasks extends TaskMap>(
  definition: QueueDefinition<Tasks>,
): QueueDefinition<Tasks> {
  parseDefinition(definition, 'queue');
  return Object.freeze({ ...definition });
}
