import { backoffDelay, type Backoff } from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import type { QueueParts } from './queue-parts.ts';

const goingRound: Backoff = { type: 'exponential', initialMs: 1_000, maxMs: 60_000 };

/** Since when, and how often, a task came to workers that do not know it. Kept with the task: they may all differ. */
interface Sighting {
  readonly since: number;
  readonly times: number;
}

/**
 * A task whose name this worker does not know: during a rolling deploy another one will. It goes back without burning
 * an attempt or a delivery, ever more slowly, and is a dead letter when nobody took it for `unknownTaskMs`.
 */
export async function settleUnknown(
  { redis, definition }: QueueParts,
  delivery: Delivery,
): Promise<Settlement> {
  const now = Math.floor(redis.serverNow());
  const { since, times } = readSighting(await delivery.load(note)) ?? { since: now, times: 0 };
  const leftMs = since + definition.unknownTaskMs - now;
  if (leftMs <= 0) {
    // Redriven, it starts its round anew.
    await delivery.save(note, '');
    return { type: 'dead', reason: 'unknown-task' };
  }
  await delivery.save(note, `${since} ${times + 1}`);
  return { type: 'release', delayMs: Math.min(backoffDelay(goingRound, times + 1), leftMs) };
}

const note = 'routing';

function readSighting(text = ''): Sighting | undefined {
  const [since, times = NaN] = text.split(' ');
  return since ? { since: Number(since), times: Number(times) } : undefined;
}
