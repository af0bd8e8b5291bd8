import { count, milliseconds, parseOptions } from '@lockstep/core';
import { z } from 'zod';
import { visibility } from './definition-schema.ts';

export interface ReceiveOptions {
  /** The most tasks to take, 500 at most. @defaultValue 1 */
  readonly max?: number | undefined;
  /** How long to wait while there is none. @defaultValue 0 */
  readonly waitMs?: number | undefined;
  /** Length of the leases, which are not renewed by themselves. @defaultValue each task's */
  readonly visibilityTimeoutMs?: number | undefined;
  /** Stops waiting; the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  max: count(1, 500).default(1),
  waitMs: milliseconds(0, 3_600_000).default(0),
  visibilityTimeoutMs: visibility.optional(),
  signal: z.instanceof(AbortSignal, { error: 'must be an AbortSignal' }).optional(),
});

/** Throws `ConfigurationError`. */
export function resolveReceiveOptions(options: ReceiveOptions = {}): z.output<typeof schema> {
  return parseOptions(schema, options);
}
