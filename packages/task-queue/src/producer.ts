import { ConfigurationError, type MaybePromise } from '@lockstep/core';
import type { EnqueueResult, NewItem } from '@lockstep/delivery/internal';
import { defaultVisibilityMs, type ResolvedTask } from './definition-schema.ts';
import {
  resolveEnqueueOptions,
  type Enqueued,
  type EnqueueOptions,
  type ResolvedEnqueueOptions,
} from './enqueue-options.ts';
import { sealEnvelope } from './envelope.ts';
import type { KnownTask } from './known-task.ts';
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
    const item = this.#item(name, input, options, undefined);
    // No await where none is needed: calls of one tick keep their order and share one round trip.
    const [result] = await this.#parts.engine.enqueue([item instanceof Promise ? await item : item]);
    return enqueued(result!);
  }

  async enqueueMany(entries: readonly UntypedEntry[]): Promise<Enqueued[]> {
    // Nothing is added before every payload was accepted.
    const items = await this.#items(entries);
    if (items.length === 0) return [];
    return (await this.#parts.engine.enqueue(items)).map(enqueued);
  }

  async #items(entries: readonly UntypedEntry[]): Promise<readonly NewItem[]> {
    const items: MaybePromise<NewItem>[] = [];
    try {
      for (let index = 0; index < entries.length; index += 1) {
        const entry = entries[index]!;
        items.push(this.#item(entry.name, entry.input, optionsOf(entry), index));
      }
    } catch (error) {
      // What is being checked for an entry before the bad one may fail too, and nobody else would hear of it.
      await Promise.allSettled(items.map((item) => Promise.resolve(item)));
      throw error;
    }
    // A promise for each of many items costs as much as the items.
    return items.every(isReady) ? items : Promise.all(items.map((item) => Promise.resolve(item)));
  }

  /** `index` is the place among many; `undefined` for a single one. */
  #item(
    name: string,
    input: unknown,
    options: EnqueueOptions | undefined,
    index: number | undefined,
  ): MaybePromise<NewItem> {
    const known = this.#parts.tasks.get(name);
    if (known === undefined) throw this.#unknown(name, index);
    const resolved = options === undefined ? none : resolveEnqueueOptions(options, pathOf(index));
    const payload = known.input.encode(input);
    if (!(payload instanceof Promise)) return this.#seal(known, resolved, payload);
    return payload.then((text) => this.#seal(known, resolved, text));
  }

  #seal(known: KnownTask, options: ResolvedEnqueueOptions, payload: string): NewItem {
    const { engine, redis } = this.#parts;
    const { name, settings } = known;
    const { id, priority, delayMs, runAt, expiresInMs, maxAttempts, traceparent } = options;
    const dueInMs = delayMs ?? (runAt && Math.max(Math.round(runAt - redis.serverNow()), 0));
    return {
      id: id ?? engine.createId(),
      body: sealEnvelope({ name, maxAttempts, traceparent, dueInMs }, payload),
      visibilityMs: ownVisibility(settings),
      priority,
      delayMs,
      runAt,
      expiresInMs,
    };
  }

  #unknown(name: string, index: number | undefined): ConfigurationError {
    const known = [...this.#parts.tasks.keys()].join(', ');
    const path = index === undefined ? 'name' : `${pathOf(index)}.name`;
    return new ConfigurationError(path, `must be a task of the queue (${known})`, name);
  }
}

const none: ResolvedEnqueueOptions = Object.freeze({});

/** Written out only for what has options, or is refused. */
function pathOf(index: number | undefined): string {
  return index === undefined ? 'options' : `entries[${index}]`;
}

/** An entry without its name and input; `undefined` when that leaves nothing, as it mostly does. */
function optionsOf(entry: UntypedEntry): EnqueueOptions | undefined {
  for (const key in entry) {
    if (key === 'name' || key === 'input') continue;
    const { name: _name, input: _input, ...options } = entry;
    return options;
  }
  return undefined;
}

function enqueued({ id, status }: EnqueueResult): Enqueued {
  return { id: id as TaskId, duplicate: status === 'duplicate' };
}

function isReady<T>(value: MaybePromise<T>): value is T {
  return !(value instanceof Promise);
}
