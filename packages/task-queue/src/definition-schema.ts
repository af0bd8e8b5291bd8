import {
  assertName,
  backoffSchema,
  count,
  milliseconds,
  parseOptions,
  type Backoff,
  type StandardSchemaV1,
} from '@lockstep/core';
import { z } from 'zod';

/** A task's settings with their defaults filled in. */
export interface ResolvedTask {
  readonly input: StandardSchemaV1;
  readonly output: StandardSchemaV1 | undefined;
  readonly visibilityTimeoutMs: number;
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly timeoutMs: number | undefined;
}

/** A queue's definition with its defaults filled in. */
export interface ResolvedDefinition {
  readonly name: string;
  readonly tasks: ReadonlyMap<string, ResolvedTask>;
  readonly maxDeliveries: number;
  readonly lowerShare: number;
  readonly unknownTaskMs: number;
  readonly warningAt: number;
  readonly criticalAt: number;
}

/** The longest lease: what is recovered after a crash is recovered within half a day. */
const longestVisibilityMs = 12 * 60 * 60 * 1000;

/** Below this, renewing at a third of it would cost more than running most tasks. */
const shortestVisibilityMs = 100;

/** The length of a lease unless the task says otherwise. */
export const defaultVisibilityMs = 30_000;

/** A lease's length; also that of `receive` and `extend`. */
export const visibility = milliseconds(shortestVisibilityMs, longestVisibilityMs);

const standardSchema = z.custom<StandardSchemaV1>(
  isStandardSchema,
  'must be a Standard Schema, for example a zod one',
);

const taskShape = {
  input: standardSchema,
  output: standardSchema.optional(),
  visibilityTimeoutMs: visibility.default(defaultVisibilityMs),
  maxAttempts: count(1, 1_000).default(5),
  backoff: backoffSchema.default({
    type: 'exponential',
    initialMs: 1_000,
    maxMs: 300_000,
    jitter: 'equal',
  }),
  timeoutMs: milliseconds(1).optional(),
};

const thresholds = z
  .strictObject({ warningAt: count(1).default(10), criticalAt: count(1).default(50) })
  .refine(({ warningAt, criticalAt }) => criticalAt >= warningAt, {
    error: 'must be at least warningAt',
    path: ['criticalAt'],
  });

/** The keys of a queue's definition; `createQueue` adds its own. */
export const definitionShape = {
  name: z.string({ error: 'must be a string' }),
  tasks: z
    .record(z.string(), z.strictObject(taskShape))
    .refine((tasks) => Object.keys(tasks).length > 0, { error: 'must have at least one task' }),
  maxDeliveries: count(1, 1_000).default(10),
  lowerShare: count(0, 1_000_000).default(16),
  unknownTaskMs: milliseconds(0).default(3_600_000),
  deadLetterThresholds: thresholds.default({ warningAt: 10, criticalAt: 50 }),
};

const definitionSchema = z.strictObject(definitionShape);

/** Validates a definition and fills its defaults in. */
export function parseDefinition(definition: unknown, path: string): ResolvedDefinition {
  return resolveDefinition(parseOptions(definitionSchema, definition, path), path);
}

/** The second half of {@link parseDefinition}, for options that extend a definition. */
export function resolveDefinition(
  parsed: z.output<typeof definitionSchema>,
  path: string,
): ResolvedDefinition {
  const { name, tasks, maxDeliveries, lowerShare, unknownTaskMs, deadLetterThresholds } = parsed;
  assertName(name, `${path}.name`);
  for (const taskName of Object.keys(tasks)) assertName(taskName, `${path}.tasks (a name)`);
  return {
    name,
    tasks: new Map(
      Object.entries(tasks).map(([key, { output, timeoutMs, ...rest }]) => [
        key,
        { ...rest, output, timeoutMs },
      ]),
    ),
    maxDeliveries,
    lowerShare,
    unknownTaskMs,
    ...deadLetterThresholds,
  };
}

function isStandardSchema(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  const standard: unknown = (value as { '~standard'?: unknown })['~standard'];
  if (typeof standard !== 'object' || standard === null) return false;
  const { version, validate } = standard as { version?: unknown; validate?: unknown };
  return version === 1 && typeof validate === 'function';
}
