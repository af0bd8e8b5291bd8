import { ConfigurationError, count, parseOptions, type CustomBackoffs } from '@lockstep/core';
import { z } from 'zod';
import type { TaskMap } from './definition.ts';
import type { ResolvedDefinition } from './definition-schema.ts';
import type { TaskHandlers } from './task-lease.ts';
import type { UntypedHandler } from './task-runner.ts';

export interface WorkerOptions<Tasks extends TaskMap> {
  /** One per task of the queue. What a handler throws counts as a failed attempt. */
  readonly handlers: TaskHandlers<Tasks>;
  /** How many tasks run at once in this worker. @defaultValue 10 */
  readonly concurrency?: number | undefined;
  /** The functions behind back-offs of type `custom`, by name. */
  readonly backoffs?: CustomBackoffs | undefined;
}

export interface ResolvedWorkerOptions {
  readonly handlers: Readonly<Record<string, UntypedHandler>>;
  readonly concurrency: number;
  readonly backoffs: CustomBackoffs;
}

const handler = z.custom<UntypedHandler>((value) => typeof value === 'function', 'must be a function');
const backoff = z.custom<CustomBackoffs[string]>(
  (value) => typeof value === 'function',
  'must be a function',
);

const schema = z.strictObject({
  handlers: z.record(z.string(), handler),
  concurrency: count(1, 10_000).default(10),
  backoffs: z.record(z.string(), backoff).default({}),
});

/** Validates a worker's options against the queue it is made for. Throws `ConfigurationError`. */
export function resolveWorkerOptions(options: unknown, { tasks }: ResolvedDefinition): ResolvedWorkerOptions {
  const resolved = parseOptions(schema, options);
  for (const name of Object.keys(resolved.handlers)) {
    if (tasks.has(name)) continue;
    throw new ConfigurationError(`options.handlers.${name}`, 'must be a task of the queue', name);
  }
  for (const [name, task] of tasks) {
    if (!Object.hasOwn(resolved.handlers, name)) {
      throw new ConfigurationError(`options.handlers.${name}`, 'must be a function', undefined);
    }
    assertBackoff(task.backoff.type === 'custom' ? task.backoff.name : undefined, resolved.backoffs, name);
  }
  return resolved;
}

function assertBackoff(name: string | undefined, backoffs: CustomBackoffs, task: string): void {
  if (name === undefined || Object.hasOwn(backoffs, name)) return;
  throw new ConfigurationError(
    `options.backoffs.${name}`,
    `must be a function: task ${task} waits by it`,
    undefined,
  );
}
