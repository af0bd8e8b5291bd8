import { ConfigurationError, whenReady, type MaybePromise } from '@lockstep/core';
import type { NewItem } from '@lockstep/delivery/internal';
import { defaultVisibilityMs, type ResolvedTask } from './definition-schema.ts';
import { resolveEnqueueOptions, type Enqueued, type EnqueueOptions } from './enqueue-options.ts';
import { sealEnvelope } from './envelope.ts';
import type { QueueParts } from './queue-parts.ts';
import type { TaskId } from './task-id.ts';

/** A task to enqueue, its types left behind. */
export interface UntypedEntry extends EnqueueOptions {
  readonly name: string;
  readonly input: unknown;
}

/** The usual length is left out of what is stored with each task. */
export function ownVisibility({ visibilityTimeoutMs }: ResolvedTask): number | undefined {
  return visibilityTimeoutMs === defaultVisibilityMs ? undefined : visibilityTimeoutMs;
}

/** Makes items of typed tasks and hands them to the engine. */
export class Producer {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  async enqueue(name: string, input: unknown, options: EnqueueOptions | undefined): Promise<Enqueued> {
    const item = this.#item(name, input, options, 'options');
    // No await where none is needed: calls of one tick keep their order and share one round trip.
    const results = await this.#add([item instanceof Promise ? await item : item]);
    return results[0]!;
  }

  async enqueueMany(entries: readonly UntypedEntry[]): Promise<Enqueued[]> {
    // Nothing is added before every payload was accepted.
    return this.#add(await this.#items(entries));
  }

  async #items(entries: readonly UntypedEntry[]): Promise<readonly NewItem[]> {
    const items: MaybePromise<NewItem>[] = [];
    try {
      for (const [index, entry] of entries.entries()) items.push(this.#entryItem(entry, `entries[${index}]`));
    } catch (error) {
      // What is being checked for an entry before the bad one may fail too, and nobody else would hear of it.
      await Promise.allSettled(items.map((item) => Promise.resolve(item)));
      throw error;
    }
    // A promise for each of many items costs as much as the items.
    return items.every(isReady) ? items : Promise.all(items.map((item) => Promise.resolve(item)));
  }

  #entryItem({ name, input, ...options }: UntypedEntry, path: string): MaybePromise<NewItem> {
    return this.#item(name, input, Object.keys(options).length === 0 ? undefined : options, path);
  }

  #item(
    name: string,
    input: unknown,
    options: EnqueueOptions | undefined,
    path: string,
  ): MaybePromise<NewItem> {
    const { definition, engine, gates, redis } = this.#parts;
    const task = definition.tasks.get(name);
    const gate = gates.get(name)?.input;
    if (task === undefined || gate === undefined) {
      throw new ConfigurationError(path === 'options' ? 'name' : `${path}.name`, this.#knownNames(), name);
    }
    const { id, priority, delayMs, runAt, expiresInMs, ...header } = resolveEnqueueOptions(options, path);
    const dueInMs = delayMs ?? (runAt && Math.max(Math.round(runAt - redis.serverNow()), 0));
    return whenReady(gate.encode(input), (payload) => ({
      id: id ?? engine.createId(),
      body: sealEnvelope({ name, dueInMs, ...header }, payload),
      visibilityMs: ownVisibility(task),
      priority,
      delayMs,
      runAt,
      expiresInMs,
    }));
  }

  async #add(items: readonly NewItem[]): Promise<Enqueued[]> {
    if (items.length === 0) return [];
    const results = await this.#parts.engine.enqueue(items);
    return results.map(({ id, status }) => ({ id: id as TaskId, duplicate: status === 'duplicate' }));
  }

  #knownNames(): string {
    return `must be a task of the queue (${[...this.#parts.definition.tasks.keys()].join(', ')})`;
  }
}

function isReady<T>(value: MaybePromise<T>): value is T {
  return !(value instanceof Promise);
}
