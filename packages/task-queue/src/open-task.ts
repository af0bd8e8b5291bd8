import type { CustomBackoffs } from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import { openEnvelope, type Envelope } from './envelope.ts';
import type { QueueParts } from './queue-parts.ts';
import { deadOnArrival, isRefusedPayload, settlementOf, type FailedAttempt } from './settle.ts';
import { settleUnknown } from './unknown-task.ts';

/** A delivery that can be worked on. */
export interface OpenedTask {
  readonly attempt: FailedAttempt;
  /** The payload after its schema. */
  readonly data: unknown;
}

/** Who opens a delivery. */
export interface Opener {
  readonly worker: string;
  readonly backoffs: CustomBackoffs;
}

/** Reads a delivery, or says what becomes of one that cannot be read here. Rejects only when Redis fails. */
export async function openTask(
  parts: QueueParts,
  delivery: Delivery,
  { worker, backoffs }: Opener,
): Promise<OpenedTask | Settlement> {
  const place = { delivery, worker, startedAt: parts.redis.clock.now() };
  let opened: Envelope & { readonly payload: string };
  try {
    opened = openEnvelope(delivery.body);
  } catch (thrown) {
    return deadOnArrival(parts, place, 'payload', thrown);
  }
  const { payload, ...envelope } = opened;
  const task = parts.definition.tasks.get(envelope.name);
  if (task === undefined) return settleUnknown(parts, delivery);
  const attempt = { ...place, envelope, task, backoffs };
  try {
    return { attempt, data: await parts.gates.get(envelope.name)!.input.decode(payload) };
  } catch (thrown) {
    if (isRefusedPayload(thrown)) return deadOnArrival(parts, place, 'payload', thrown);
    // A check that could not be made, such as a look-up in a refinement: a failed attempt like any other.
    return settlementOf(parts, attempt, thrown);
  }
}

/** Whether {@link openTask} could read it. */
export function isOpened(opened: OpenedTask | Settlement): opened is OpenedTask {
  return 'attempt' in opened;
}
