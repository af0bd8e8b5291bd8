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

/** Whether `queue` is the one with these parts. */
export function isOwnQueue(parts: QueueParts, queue: object): boolean {
  return partsOfQueues.get(queue) === parts;
}

/**
 * Moves dead letters into another queue, under their ids and as they were enqueued. First they are added there, then
 * removed here: a crash in between leaves both, and the next redrive adds none twice while the other still has it. One
 * whose id the other has for something else stays where it is, and is not counted.
 *
 * @throws `ConfigurationError` for a task that the other queue does not know; those of the call stay where they are.
 */
export async function moveDeadLetters(from: QueueParts, to: object, ids: readonly string[]): Promise<number> {
  const target = partsOfQueues.get(to)!;
  target.closing.assertOpen();
  const found = await Promise.all(ids.map((id) => from.engine.deadLetters.get(id)));
  const items = found.filter((item) => item !== undefined);
  const results = await target.engine.enqueue(items.map((item) => newItem(target, item)));
  const there = await Promise.all(
    items.map(async (item, at) => results[at]!.status === 'added' || holdsCopy(target, item)),
  );
  const moved = items.filter((_, at) => there[at]).map(({ id }) => id);
  return moved.length === 0 ? 0 : (await from.engine.deadLetters.remove(moved)).length;
}

/** Whether an earlier redrive, which did not come to its end, has added this very task. */
async function holdsCopy({ engine }: QueueParts, item: DeadItem): Promise<boolean> {
  const there = await engine.get(item.id);
  if (there?.body !== item.body) return false;
  // Come and gone at the same moments it is no copy: the target is the queue itself, over another connection.
  return there.enqueuedAt !== item.enqueuedAt || there.dead?.at !== item.dead.at;
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
