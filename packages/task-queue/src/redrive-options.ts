import { count, parseOptions, type Closeable } from '@lockstep/core';
import { z } from 'zod';
import type { QueueStats } from './queue.ts';
import { isQueue } from './redrive-target.ts';

/** Any queue made by `createQueue`, whatever its tasks. */
export interface RedriveTarget extends Closeable<QueueStats> {
  readonly name: string;
}

export interface RedriveOptions {
  /** The most tasks sent back per second, so that what made them fail is not flooded. @defaultValue 500 */
  readonly ratePerSecond?: number | undefined;
  /** Counts what would be sent back and moves nothing. @defaultValue false */
  readonly dryRun?: boolean | undefined;
  /**
   * Moves them into this queue instead of their own. It has to know their tasks; their history and expiry stay behind.
   * One whose id it has for another task, or remembers of one that is over, stays a dead letter and is not counted.
   *
   * @defaultValue the queue that they died in
   */
  readonly to?: RedriveTarget | undefined;
  /** Stops; the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  ratePerSecond: count(1, 100_000).default(500),
  dryRun: z.boolean({ error: 'must be true or false' }).default(false),
  to: z.custom<object>(isQueue, 'must be a queue made by createQueue').optional(),
  signal: z.instanceof(AbortSignal, { error: 'must be an AbortSignal' }).optional(),
});

/** Throws `ConfigurationError`. */
export function resolveRedriveOptions(options: RedriveOptions = {}): z.output<typeof schema> {
  return parseOptions(schema, options);
}
