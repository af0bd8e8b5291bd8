import { applyTo, findIn, type PartitionAccess } from './by-partition.ts';
import type { DeadLetters, RedriveOptions } from './engine.ts';
import type { DeadItem } from './item.ts';
import { listStored } from './listing.ts';
import { assertDelay } from './options.ts';
import { deathOf, detailsOf, parseFailures, viewOf } from './record.ts';
import type { StoredItem } from './scripts/read.ts';

/** See {@link DeadLetters}. */
export class DeadItems implements DeadLetters {
  readonly #partitions: readonly PartitionAccess[];
  readonly #assertOpen: () => void;

  constructor(partitions: readonly PartitionAccess[], assertOpen: () => void) {
    this.#partitions = partitions;
    this.#assertOpen = assertOpen;
  }

  async *list(
    options: { readonly since?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<DeadItem> {
    this.#assertOpen();
    const stores = this.#partitions.map(({ store }) => store);
    for await (const { store, items } of listStored(stores, { state: 'dead', ...options })) {
      for (const item of items) yield deadItemOf(item, store.partition.index);
    }
  }

  async get(id: string): Promise<DeadItem | undefined> {
    this.#assertOpen();
    const found = await findIn(this.#partitions, id, async ({ store }) => {
      const item = await store.get(id);
      return item?.where === 'dead' ? detailsOf(item, store.partition.index) : undefined;
    });
    return found?.dead ? { ...found, dead: found.dead } : undefined;
  }

  async redrive(ids: readonly string[], options: RedriveOptions = {}): Promise<readonly string[]> {
    const delayMs = assertDelay('options.delayMs', options.delayMs ?? 0);
    return applyTo(this.#partitions, ids, ({ store, lanes }, slice) =>
      lanes.run((caller) => store.redrive(caller, delayMs, slice)),
    );
  }

  remove(ids: readonly string[]): Promise<readonly string[]> {
    return applyTo(this.#partitions, ids, ({ store, lanes }, slice) =>
      lanes.run((caller) => store.drop(caller, 'dead', slice)),
    );
  }
}

function deadItemOf(item: StoredItem, partition: number): DeadItem {
  return {
    ...viewOf(item, 'dead', partition),
    history: parseFailures(item.failures),
    dead: deathOf(item.dead),
  };
}
