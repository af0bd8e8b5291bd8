import type { ClaimedItem } from './claimed-item.ts';
import type { Settlement } from './item.ts';
import type { Lanes } from './lanes.ts';
import { SettlementQueue, type SettlementBatch } from './settlement-queue.ts';
import type { Store } from './store.ts';

/** Settles deliveries that no consumer loop holds: those of one tick share a call, each resolves by itself. */
export class Settler {
  readonly #store: Store;
  readonly #lanes: Lanes;
  readonly #waiting = new SettlementQueue();

  constructor(store: Store, lanes: Lanes) {
    this.#store = store;
    this.#lanes = lanes;
  }

  settle(item: ClaimedItem, settlement: Settlement): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(item, settlement, { resolve, reject });
      if (this.#waiting.size === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    while (this.#waiting.size > 0) void this.#send(this.#waiting.take());
  }

  async #send({ settlements, args }: SettlementBatch): Promise<void> {
    try {
      const { accepted } = await this.#lanes.run((caller) =>
        this.#store.turn({
          caller,
          want: -1,
          waiter: '',
          armed: false,
          woken: false,
          settlementArgs: args,
        }),
      );
      settlements.forEach(({ asker }, index) => asker?.resolve(accepted[index]!));
    } catch (error) {
      for (const { asker } of settlements) asker?.reject(error);
    }
  }
}
