import { count, parseOptions } from '@lockstep/core';
import { z } from 'zod';

export interface RedriveOptions {
  /** The most tasks sent back per second, so that what made them fail is not flooded. @defaultValue 500 */
  readonly ratePerSecond?: number | undefined;
  /** Counts what would be sent back and moves nothing. @defaultValue false */
  readonly dryRun?: boolean | undefined;
  /** Stops; the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  ratePerSecond: count(1, 100_000).default(500),
  dryRun: z.boolean({ error: 'must be true or false' }).default(false),
  signal: z.instanceof(AbortSignal, { error: 'must be an AbortSignal' }).optional(),
});

/** Throws `ConfigurationError`. */
export function resolveRedriveOptions(options: RedriveOptions = {}): z.output<typeof schema> {
  return parseOptions(schema, options);
}
