import { ConfigurationError } from '@lockstep/core';
import { longestDelayMs } from './limits.ts';

const control = Symbol.for('lockstep.task-control');

/**
 * Thrown by a handler: this attempt failed, try again after `delayMs` instead of what the back-off says. It counts as
 * an attempt, so a task that always throws it ends as a dead letter.
 */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly [control] = 'retry';
  readonly delayMs: number;

  /** @throws `ConfigurationError` unless `delayMs` is a number between zero and a century. */
  constructor(delayMs: number, options?: ErrorOptions & { readonly message?: string | undefined }) {
    if (!(delayMs >= 0 && delayMs <= longestDelayMs)) {
      throw new ConfigurationError('delayMs', `must be a number between 0 and ${longestDelayMs}`, delayMs);
    }
    super(options?.message ?? `retry in ${delayMs} ms`, options);
    this.delayMs = delayMs;
  }
}

/** Thrown by a handler: no retry can help. The task becomes a dead letter at once, with this reason. */
export class RejectTask extends Error {
  override readonly name = 'RejectTask';
  readonly [control] = 'reject';
  readonly reason: string;

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.reason = reason;
  }
}

/** Works across copies of the package, as `isLockstepError` does. */
export function isRetryLater(thrown: unknown): thrown is RetryLater {
  return controlOf(thrown) === 'retry';
}

/** Works across copies of the package. */
export function isRejectTask(thrown: unknown): thrown is RejectTask {
  return controlOf(thrown) === 'reject';
}

function controlOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null
    ? (thrown as { [control]?: unknown })[control]
    : undefined;
}
