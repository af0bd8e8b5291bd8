import type { Redis } from '@lockstep/redis';
import { expect } from 'vitest';
import type { PartitionKeys } from '../../src/keys.ts';
import { numberNames } from '../../src/lua/meta.ts';
import { parseOutcome, parseState } from '../../src/record.ts';
import type { StoredItem } from '../../src/scripts/read.ts';
import type { Store } from '../../src/store.ts';
import type { ReferenceItem } from './reference.ts';

/** What an item looks like in Redis. */
export interface ObservedItem {
  readonly place: ReferenceItem['place'];
  readonly token: number | undefined;
  readonly deliveries: number;
  readonly attempts: number;
}

export interface Observed {
  readonly items: ReadonlyMap<string, ObservedItem>;
  readonly kept: ReadonlyMap<
    string,
    { readonly status: string; readonly until: number; readonly result: string | undefined }
  >;
  readonly awaiting: ReadonlyMap<string, ReadonlySet<string>>;
  /** Bells of sleeping workers. */
  readonly asleep: ReadonlySet<string>;
}

/** The commands that the suite looks with. */
interface Reader {
  hgetall(key: string): Promise<Record<string, string>>;
  lrange(key: string, from: number, to: number): Promise<string[]>;
  hget(key: string, field: string): Promise<string | null>;
  exists(key: string): Promise<number>;
}

const places = [
  ['critical', 'ready'],
  ['high', 'ready'],
  ['normal', 'ready'],
  ['low', 'ready'],
  ['delayed', 'delayed'],
  ['leased', 'leased'],
  ['dead', 'dead'],
] as const;

/** Reads a partition as a whole. */
export class Observer {
  readonly #store: Store;
  readonly #reader: Reader;

  constructor(redis: Redis, store: Store) {
    this.#store = store;
    this.#reader = redis.client as unknown as Reader;
  }

  async observe(): Promise<Observed> {
    const [items, kept, awaiting, asleep] = await Promise.all([
      this.#items(),
      this.#kept(),
      this.#reader.hgetall(this.#keys.awaiting),
      this.#reader.lrange(this.#keys.waiters, 0, -1),
    ]);
    const lines = Object.entries(awaiting).map(([id, text]) => [id, new Set(text.split('\n'))] as const);
    return {
      items,
      kept,
      awaiting: new Map(lines),
      asleep: new Set(asleep.map((line) => line.split(' ')[1]!)),
    };
  }

  /** The keys that are there, and the numbers that say whether something is left to look after. */
  async remains(): Promise<{ keys: string[]; numbers: Record<string, string> }> {
    const keys: string[] = [];
    for (const key of this.#store.partition.all) if (await this.#reader.exists(key)) keys.push(key);
    const texts = ((await this.#reader.hget(this.#keys.meta, 'numbers')) ?? '').split(' ');
    const watched = ['cancels', 'awaiting', 'stones', 'critical', 'high', 'normal', 'low'] as const;
    const numbers = watched.map((name) => [name, texts[numberNames.indexOf(name)] ?? '0']);
    return { keys, numbers: Object.fromEntries(numbers) as Record<string, string> };
  }

  get #keys(): PartitionKeys {
    return this.#store.partition.keys;
  }

  async #items(): Promise<Map<string, ObservedItem>> {
    const found = await Promise.all(places.map(([place, kind]) => this.#list(place, kind)));
    const items = new Map<string, ObservedItem>();
    for (const [index, [place, kind]] of places.entries()) {
      for (const { id, state } of found[index]!) {
        expect(items.has(id), `${id} is in ${place} and in ${items.get(id)?.place}`).toBe(false);
        const { token, deliveries, attempts } = parseState(state);
        items.set(id, { place: kind, token: token === 0 ? undefined : token, deliveries, attempts });
      }
    }
    return items;
  }

  async #kept(): Promise<Observed['kept']> {
    const outcomes = await this.#list('kept', 'kept');
    return new Map(
      outcomes.map(({ id, record, score }) => [id, { ...parseOutcome(record), until: Number(score) }]),
    );
  }

  async #list(
    place: 'kept' | (typeof places)[number][0],
    kind: ObservedItem['place'] | 'kept',
  ): Promise<readonly StoredItem[]> {
    const from = kind === 'ready' ? 0 : '-inf';
    const slice = { kind, from, skip: 0, limit: 1_000, bytes: 1_000_000 };
    return (await this.#store.list(this.#keys[place], slice)).items;
  }
}
