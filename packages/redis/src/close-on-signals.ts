import { milliseconds, parseOptions, type CloseOptions } from '@lockstep/core';
import { z } from 'zod';
import type { Redis } from './redis.ts';

export interface CloseOnSignalsOptions extends CloseOptions {
  /** Default `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
}

const schema = z
  .strictObject({
    signals: z
      .array(z.string().regex(/^SIG[A-Z0-9]+$/, { error: 'must be a signal such as SIGTERM' }))
      .optional(),
    drainMs: milliseconds(0).optional(),
    abortMs: milliseconds(0).optional(),
  })
  .optional();

/**
 * Closes the connection, and everything created on it, at the first of these signals. The process then ends by itself,
 * with exit code 0, if nothing else keeps it alive; it is never made to exit. From the first signal on the listeners are
 * gone, so that a second one ends the process at once, as it does by default.
 *
 * Returns the remover of the listeners. A failing close is told to `onError`. Throws `ConfigurationError`.
 */
export function closeOnSignals(redis: Redis, options: CloseOnSignalsOptions = {}): () => void {
  parseOptions(schema, options);
  const { signals = ['SIGTERM', 'SIGINT'], ...how } = options;
  const close = (): void => {
    remove();
    redis.close(how).catch((error: unknown) => {
      redis.onError(error, { source: 'redis', operation: 'close on a signal' });
    });
  };
  const remove = (): void => {
    for (const signal of signals) process.off(signal, close);
  };
  for (const signal of signals) process.on(signal, close);
  return remove;
}
