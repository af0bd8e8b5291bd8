import { assertName, ConfigurationError } from '@lockstep/core';
import type { EnqueueResult, NewItem } from './item.ts';
import type { Lanes } from './lanes.ts';
import { assertDelay, assertVisibility, assertWhole } from './options.ts';
import type { EnqueuedItem, Store } from './store.ts';

/** Bounds of one script call: what Lua can unpack, and what may hold Redis for a few milliseconds. */
const sliceItems = 1_000;
const sliceCharacters = 1_000_000;

/** One item and where its result goes. */
interface Entry extends EnqueuedItem {
  readonly request: Request;
  readonly index: number;
}

/** The items of one caller that go to one partition. */
class Request {
  readonly promise: Promise<readonly EnqueueResult[]>;
  readonly #results: EnqueueResult[] = [];
  #left: number;
  #resolve!: (results: readonly EnqueueResult[]) => void;
  #reject!: (error: unknown) => void;

  constructor(count: number) {
    this.#left = count;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  done(index: number, result: EnqueueResult): void {
    this.#results[index] = result;
    this.#left -= 1;
    if (this.#left === 0) this.#resolve(this.#results);
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
  /** Those before it are sent. */
  #next = 0;

  constructor(store: Store, lanes: Lanes) {
    this.#store = store;
    this.#lanes = lanes;
  }

  add(items: readonly NewItem[]): Promise<readonly EnqueueResult[]> {
    const request = new Request(items.length);
    if (this.#waiting.length === 0) setImmediate(this.#flush);
    for (let index = 0; index < items.length; index += 1) {
      const item = items[index]!;
      const { id, priority = 'normal', body } = item;
      this.#waiting.push({ id, level: priority.charAt(0), options: optionsOf(item), body, request, index });
    }
    return request.promise;
  }

  /** Sends a slice. The next one has a round of the event loop for itself: Redis takes the first while it is written. */
  readonly #flush = (): void => {
    const end = this.#endOfSlice();
    const all = this.#waiting;
    const slice = this.#next === 0 && end === all.length ? all : all.slice(this.#next, end);
    if (end === all.length) {
      this.#waiting = [];
      this.#next = 0;
    } else {
      this.#next = end;
      setImmediate(this.#flush);
    }
    void this.#send(slice);
  };

  #endOfSlice(): number {
    const last = Math.min(this.#next + sliceItems, this.#waiting.length);
    let characters = 0;
    for (let at = this.#next; at < last; at += 1) {
      characters += this.#waiting[at]!.body.length;
      if (characters > sliceCharacters && at > this.#next) return at;
    }
    return last;
  }

  async #send(slice: readonly Entry[]): Promise<void> {
    try {
      const statuses = await this.#lanes.run((lane) => this.#store.enqueue(lane, slice));
      for (let at = 0; at < slice.length; at += 1) {
        const { id, request, index } = slice[at]!;
        request.done(index, { id, status: statuses[at]! });
      }
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
