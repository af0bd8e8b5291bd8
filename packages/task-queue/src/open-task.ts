import type { MaybePromise } from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import { openEnvelope, type OpenedEnvelope } from './envelope.ts';
import type { QueueParts } from './queue-parts.ts';
import { deadOnArrival, isRefusedPayload, settlementOf, type FailedAttempt, type Holder } from './settle.ts';
import { settleUnknown } from './unknown-task.ts';

/** A delivery that can be worked on. */
export interface OpenedTask {
  readonly attempt: FailedAttempt;
  /** The payload after its schema. */
  readonly data: unknown;
}

/**
 * Reads a delivery, or says what becomes of one that cannot be read here; at once where its schema is synchronous.
 * Rejects only when Redis fails.
 */
export function openTask(
  parts: QueueParts,
  delivery: Delivery,
  holder: Holder,
): MaybePromise<OpenedTask | Settlement> {
  const startedAt = parts.redis.clock.now();
  let envelope: OpenedEnvelope;
  try {
    envelope = openEnvelope(delivery.body);
  } catch (thrown) {
    return deadOnArrival(parts, { delivery, holder, startedAt }, 'payload', thrown);
  }
  const known = parts.tasks.get(envelope.name);
  if (known === undefined) return settleUnknown(parts, delivery);
  return readPayload(parts, { delivery, holder, startedAt, envelope, known }, envelope.payload);
}

function readPayload(
  parts: QueueParts,
  attempt: FailedAttempt,
  payload: string,
): MaybePromise<OpenedTask | Settlement> {
  try {
    const data = attempt.known.input.decode(payload);
    if (!(data instanceof Promise)) return { attempt, data };
    return data.then(
      (value) => ({ attempt, data: value }),
      (thrown: unknown) => unread(parts, attempt, thrown),
    );
  } catch (thrown) {
    return unread(parts, attempt, thrown);
  }
}

function unread(parts: QueueParts, attempt: FailedAttempt, thrown: unknown): Settlement {
  if (isRefusedPayload(thrown)) return deadOnArrival(parts, attempt, 'payload', thrown);
  // A check that could not be made, such as a look-up in a refinement: a failed attempt like any other.
  return settlementOf(parts, attempt, thrown);
}

/** Whether {@link openTask} could read it. */
export function isOpened(opened: OpenedTask | Settlement): opened is OpenedTask {
  return 'attempt' in opened;
}
