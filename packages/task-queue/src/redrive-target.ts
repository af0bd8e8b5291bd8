import { ConfigurationError } from '@lockstep/core';
import type { DeadItem, NewItem } from '@lockstep/delivery/internal';
import { ownVisibility } from './producer.ts';
import type { QueueParts } from './queue-parts.ts';
import { taskSummary } from './task-record.ts';

/** Which parts belong to which queue object: a target is another one, whose parts are its own. */
const partsOfQueues = new WeakMap<object, QueueParts>();

export function rememberParts(queue: object, parts: QueueParts): void {
  partsOfQueues.set(queue, parts);
}

export function isQueue(value: unknown): value is object {
  return typeof value === 'object' && value !== null && partsOfQueues.has(value);
}

/**
 * Moves dead letters into another queue, under their ids and as they were enqueued. First they are added there, then
 * removed here: a crash in between leaves both, and the next redrive adds none twice while the other still keeps it.
 *
 * @throws `ConfigurationError` for a task that the other queue does not know; those of the call stay where they are.
 */
export async function moveDeadLetters(from: QueueParts, to: object, ids: readonly string[]): Promise<number> {
  const target = partsOfQueues.get(to)!;
  target.closing.assertOpen();
  const found = await Promise.all(ids.map((id) => from.engine.deadLetters.get(id)));
  const items = found.filter((item) => item !== undefined).map((item) => newItem(target, item));
  if (items.length === 0) return 0;
  await target.engine.enqueue(items);
  return (await from.engine.deadLetters.remove(items.map(({ id }) => id))).length;
}

function newItem({ codec, definition }: QueueParts, item: DeadItem): NewItem {
  const { id, body, priority } = item;
  const { name } = taskSummary(codec, item);
  const task = definition.tasks.get(name);
  if (task === undefined) {
    throw new ConfigurationError('options.to', `must know the task of dead letter ${id}`, name);
  }
  return { id, body, priority, visibilityMs: ownVisibility(task) };
}
