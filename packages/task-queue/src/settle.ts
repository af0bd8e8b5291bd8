import { backoffDelay, isLockstepError, type CustomBackoffs } from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import type { Envelope } from './envelope.ts';
import type { KnownTask } from './known-task.ts';
import type { QueueParts } from './queue-parts.ts';
import { isRejectTask, isRetryLater } from './task-control.ts';
import { cutMessage, encodeFailure, taskFailure } from './task-failure.ts';

/** Who works on tasks: a worker, or whoever calls `receive()`. */
export interface Holder {
  /** The name under which failures are kept. */
  readonly worker: string;
  readonly backoffs: CustomBackoffs;
}

/** A delivery in somebody's hands. */
export interface Attempt {
  readonly delivery: Delivery;
  readonly holder: Holder;
  /** By the local wall clock. */
  readonly startedAt: number;
}

/** What a failed attempt is judged by. */
export interface FailedAttempt extends Attempt {
  readonly envelope: Envelope;
  readonly known: KnownTask;
}

/**
 * Retry or dead letter: what becomes of a task whose attempt ended by throwing. A `delayMs` given by the holder counts
 * more than the back-off.
 */
export function settlementOf(
  parts: QueueParts,
  attempt: FailedAttempt,
  thrown: unknown,
  delayMs?: number,
): Settlement {
  const error = failureText(parts, attempt, thrown);
  if (isRejectTask(thrown)) return { type: 'dead', reason: `rejected: ${cutMessage(thrown.reason)}`, error };
  const failed = attempt.delivery.attempts + 1;
  const maxAttempts = attempt.envelope.maxAttempts ?? attempt.known.settings.maxAttempts;
  if (failed >= maxAttempts) return { type: 'dead', reason: 'attempts', error };
  const asked = delayMs ?? (isRetryLater(thrown) ? Math.round(thrown.delayMs) : undefined);
  return { type: 'retry', delayMs: asked ?? delayAfter(parts, attempt, failed, thrown), error };
}

/** A task that no attempt can help, whatever its settings say. */
export function deadOnArrival(
  parts: QueueParts,
  attempt: Attempt,
  reason: 'payload' | 'output',
  thrown: unknown,
): Settlement {
  return { type: 'dead', reason, error: failureText(parts, attempt, thrown) };
}

/** The failure as the task's history keeps it. */
function failureText(
  { redis }: QueueParts,
  { delivery, holder, startedAt }: Attempt,
  thrown: unknown,
): string {
  const { worker } = holder;
  const attempt = delivery.attempts + 1;
  return encodeFailure(taskFailure(thrown, { worker, attempt, startedAt, failedAt: redis.clock.now() }));
}

/** Where a custom back-off fails, the task must still be retried at a bearable pace. */
const fallbackDelayMs = 60_000;

function delayAfter(
  { redis, onError, label }: QueueParts,
  { known, holder }: FailedAttempt,
  failed: number,
  error: unknown,
): number {
  try {
    return backoffDelay(known.settings.backoff, failed, {
      random: redis.random,
      custom: holder.backoffs,
      error,
    });
  } catch (thrown) {
    onError(thrown, { source: label, operation: 'backoff' });
    return fallbackDelayMs;
  }
}

/** Whether a payload was refused for good, as opposed to a check that could not be made now. */
export function isRefusedPayload(thrown: unknown): boolean {
  return isLockstepError(thrown, 'PAYLOAD_INVALID') || isLockstepError(thrown, 'PAYLOAD_TOO_LARGE');
}
