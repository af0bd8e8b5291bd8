import { isLockstepError } from '@lockstep/core';

/**
 * Whether a failure that nobody awaits needs no report of ours: the connection tells of an outage, and what is still on
 * its way when the connection is closed was closed by the caller.
 */
export function isToldElsewhere(error: unknown): boolean {
  return isLockstepError(error, 'REDIS_UNAVAILABLE') || isLockstepError(error, 'CLOSED');
}
