import type { ItemState, ItemView } from './item.ts';
import type { PartitionKeys } from './keys.ts';
import { viewOf } from './record.ts';
import type { StoredItem } from './scripts/read.ts';
import type { Store } from './store.ts';

/** Keep a slice's script in the low milliseconds, and its reply small; an item larger than that comes alone. */
const slice = { limit: 200, bytes: 500_000 } as const;

const places: Readonly<Record<ItemState, readonly (keyof PartitionKeys)[]>> = {
  ready: ['critical', 'high', 'normal', 'low'],
  delayed: ['delayed'],
  leased: ['leased'],
  dead: ['dead'],
  kept: ['kept'],
};

export interface ListOptions {
  readonly state: ItemState;
  /** Due times, deadlines and so on from this one on; not for `ready`. */
  readonly since?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The items of a state, slice by slice. What moves meanwhile may be missed or, in ready lists, seen twice. */
export async function* listItems(stores: readonly Store[], options: ListOptions): AsyncGenerator<ItemView[]> {
  for await (const { store, items } of listStored(stores, options)) {
    yield items.map((item) => viewOf(item, options.state, store.partition.index));
  }
}

export async function* listStored(
  stores: readonly Store[],
  { state, since, signal }: ListOptions,
): AsyncGenerator<{ store: Store; items: readonly StoredItem[] }> {
  for (const store of stores) {
    for (const place of places[state]) {
      const key = store.partition.keys[place];
      yield* state === 'ready' ? walkList(store, key, signal) : walkScores(store, key, state, since, signal);
    }
  }
}

async function* walkList(store: Store, place: string, signal: AbortSignal | undefined) {
  for (let from = 0; ;) {
    signal?.throwIfAborted();
    const { items, looked, ended } = await store.list(place, { kind: 'ready', from, skip: 0, ...slice });
    if (items.length > 0) yield { store, items };
    if (ended) return;
    from += looked;
  }
}

/** Goes on from the last score seen, past the members of that score which were seen. */
async function* walkScores(
  store: Store,
  place: string,
  kind: ItemState,
  since: number | undefined,
  signal: AbortSignal | undefined,
) {
  let from: string | number = since ?? '-inf';
  let skip = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { items, ended, lastScore, atLastScore } = await store.list(place, { kind, from, skip, ...slice });
    if (items.length > 0) yield { store, items };
    if (ended) return;
    skip = lastScore === String(from) ? skip + atLastScore : atLastScore;
    from = lastScore;
  }
}
