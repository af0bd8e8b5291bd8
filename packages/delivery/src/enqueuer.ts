import { assertName, ConfigurationError } from '@lockstep/core';
import type { EnqueueResult, NewItem } from './item.ts';
import type { Lanes } from './lanes.ts';
import { assertDelay, assertVisibility, assertWhole } from './options.ts';
import type { EnqueuedItem, Store } from './store.ts';

/** Bounds of one script call: what Lua can unpack, and what may hold Redis for a few milliseconds. */
const sliceItems = 1_000;
const sliceCharacters = 1_000_000;

type Status = EnqueueResult['status'];

/** One item and where its result goes. */
interface Entry extends EnqueuedItem {
  readonly request: Request;
  readonly index: number;
}

/** The items of one caller that go to one partition. */
class Request {
  readonly promise: Promise<readonly Status[]>;
  readonly #statuses: Status[];
  #left: number;
  #resolve!: (statuses: readonly Status[]) => void;
  #reject!: (error: unknown) => void;

  constructor(count: number) {
    this.#statuses = Array.from<Status>({ length: count });
    this.#left = count;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  done(index: number, status: Status): void {
    this.#statuses[index] = status;
    this.#left -= 1;
    if (this.#left === 0) this.#resolve(this.#statuses);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** Adds items to one partition: all calls of one tick share script calls, in order. */
export class Enqueuer {
  readonly #store: Store;
  readonly #lanes: Lanes;
  #waiting: Entry[] = [];

  constructor(store: Store, lanes: Lanes) {
    this.#store = store;
    this.#lanes = lanes;
  }

  add(items: readonly NewItem[]): Promise<readonly Status[]> {
    const request = new Request(items.length);
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    items.forEach((item, index) => {
      const { id, priority = 'normal', body } = item;
      this.#waiting.push({ id, level: priority.charAt(0), options: optionsOf(item), body, request, index });
    });
    return request.promise;
  }

  #flush(): void {
    const entries = this.#waiting;
    this.#waiting = [];
    let start = 0;
    let characters = 0;
    for (let at = 0; at < entries.length; at += 1) {
      characters += entries[at]!.body.length;
      if (at > start && (at - start === sliceItems || characters > sliceCharacters)) {
        void this.#send(entries.slice(start, at));
        start = at;
        characters = entries[at]!.body.length;
      }
    }
    void this.#send(entries.slice(start));
  }

  async #send(slice: readonly Entry[]): Promise<void> {
    try {
      const results = await this.#lanes.run((lane) => this.#store.enqueue(lane, slice));
      slice.forEach(({ request, index }, at) => request.done(index, results[at]!));
    } catch (error) {
      for (const { request } of slice) request.fail(error);
    }
  }
}

/** What generated ids, and most others, are made of. */
const plainId = /^[\w.:-]{1,64}$/;

/** Throws `ConfigurationError` for an item that must not reach Redis. */
export function assertItem(item: NewItem, index: number): void {
  if (typeof item.id !== 'string' || !plainId.test(item.id)) assertName(item.id, `items[${index}].id`);
  if (hasOptions(item)) assertOptions(item, `items[${index}]`);
}

function assertOptions(item: NewItem, path: string): void {
  if (item.delayMs !== undefined) {
    assertDelay(`${path}.delayMs`, item.delayMs);
    if (item.runAt !== undefined)
      throw new ConfigurationError(`${path}.runAt`, 'excludes delayMs', item.runAt);
  }
  if (item.runAt !== undefined) assertWhole(`${path}.runAt`, item.runAt, 0);
  if (item.expiresInMs !== undefined) assertWhole(`${path}.expiresInMs`, item.expiresInMs, 1);
  if (item.visibilityMs !== undefined) assertVisibility(`${path}.visibilityMs`, item.visibilityMs);
}

function hasOptions({ delayMs, runAt, expiresInMs, visibilityMs }: NewItem): boolean {
  return (
    delayMs !== undefined || runAt !== undefined || expiresInMs !== undefined || visibilityMs !== undefined
  );
}

/** See the enqueue script. */
function optionsOf(item: NewItem): string {
  if (!hasOptions(item)) return '';
  const { delayMs, runAt, expiresInMs, visibilityMs } = item;
  const due = runAt === undefined ? Math.ceil(delayMs ?? 0) : `@${runAt}`;
  return ` ${due} e${expiresInMs ?? ''} v${visibilityMs ?? ''}`;
}
