import { assertName, count, milliseconds, parseOptions } from '@lockstep/core';
import { priorities, type Priority } from '@lockstep/delivery/internal';
import { z } from 'zod';
import type { TaskInput, TaskMap, TaskName } from './definition.ts';
import { longestDelayMs } from './limits.ts';
import type { TaskId } from './task-id.ts';

/** `critical` first. Within a level, first in is first out. */
export type TaskPriority = Priority;

export interface EnqueueOptions {
  /** @defaultValue 'normal' */
  readonly priority?: TaskPriority | undefined;
  /** Not before this many ms from now, by the server's clock. Not together with `runAt`. */
  readonly delayMs?: number | undefined;
  /** Not before this moment: a Date, or milliseconds since the epoch; judged by the server's clock. */
  readonly runAt?: Date | number | undefined;
  /** A task not claimed within this many ms from now is not run any more: its outcome is `expired`. */
  readonly expiresInMs?: number | undefined;
  /**
   * Names the task yourself: an id that the queue knows already, in any state that it still keeps, is not added again. A
   * completed task is kept for an hour if it has an output, and not at all without one.
   *
   * @defaultValue a random one
   */
  readonly id?: string | undefined;
  /** Overrides the definition's. */
  readonly maxAttempts?: number | undefined;
  /** W3C trace context, handed to the handler. */
  readonly traceparent?: string | undefined;
}

/** One task of `enqueueMany`. */
export type EnqueueEntry<Tasks extends TaskMap, Name extends TaskName<Tasks> = TaskName<Tasks>> = {
  [N in Name]: EnqueueOptions & { readonly name: N; readonly input: TaskInput<Tasks[N]> };
}[Name];

export interface Enqueued<Name extends string = string> {
  readonly id: TaskId<Name>;
  /** The id was there already; nothing was added or changed. */
  readonly duplicate: boolean;
}

/** Enqueue options as the engine takes them. */
export interface ResolvedEnqueueOptions extends Omit<EnqueueOptions, 'runAt'> {
  /** Milliseconds since the epoch. */
  readonly runAt?: number | undefined;
}

const moment = milliseconds(0, 8_640_000_000_000_000);

const schema = z
  .strictObject({
    priority: z.enum(priorities).optional(),
    delayMs: milliseconds(0, longestDelayMs).optional(),
    runAt: z.preprocess((value) => (value instanceof Date ? value.getTime() : value), moment).optional(),
    expiresInMs: milliseconds(1, longestDelayMs).optional(),
    id: z.string({ error: 'must be a string' }).optional(),
    maxAttempts: count(1, 1_000).optional(),
    traceparent: z
      .string()
      .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, {
        error: 'must be a W3C traceparent',
      })
      .optional(),
  })
  .refine(({ delayMs, runAt }) => delayMs === undefined || runAt === undefined, {
    error: 'must not be given together with delayMs',
    path: ['runAt'],
  })
  .refine(({ delayMs, expiresInMs }) => expiresInMs === undefined || expiresInMs > (delayMs ?? 0), {
    error: 'must be more than delayMs, or the task never runs',
    path: ['expiresInMs'],
  });

/** Validates what a producer passed. Throws `ConfigurationError`. */
export function resolveEnqueueOptions(options: EnqueueOptions, path: string): ResolvedEnqueueOptions {
  const resolved = parseOptions(schema, options, path);
  if (resolved.id !== undefined) assertName(resolved.id, `${path}.id`);
  return resolved;
}
