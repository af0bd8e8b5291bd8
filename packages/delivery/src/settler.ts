import type { ClaimedItem } from './claimed-item.ts';
import type { Settlement } from './item.ts';
import type { Lanes } from './lanes.ts';
import { settlementArgs } from './settlement-args.ts';
import type { Store } from './store.ts';

/** Bounded by what Lua can unpack when all of them are about items of one hash. */
export const settlementsPerTurn = 400;

interface Waiting {
  readonly args: readonly (string | number)[];
  readonly resolve: (accepted: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Settles deliveries that no consumer loop holds: those of one tick share a call, each resolves by itself. */
export class Settler {
  readonly #store: Store;
  readonly #lanes: Lanes;
  #waiting: Waiting[] = [];

  constructor(store: Store, lanes: Lanes) {
    this.#store = store;
    this.#lanes = lanes;
  }

  settle(item: ClaimedItem, settlement: Settlement): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const args = settlementArgs(item, settlement);
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ args, resolve, reject });
    });
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < all.length; at += settlementsPerTurn) {
      void this.#send(all.slice(at, at + settlementsPerTurn));
    }
  }

  async #send(slice: readonly Waiting[]): Promise<void> {
    try {
      const { accepted } = await this.#lanes.run((caller) =>
        this.#store.turn({
          caller,
          want: -1,
          waiter: '',
          armed: false,
          woken: false,
          settlementArgs: slice.flatMap(({ args }) => args),
        }),
      );
      slice.forEach(({ resolve }, index) => resolve(accepted[index]!));
    } catch (error) {
      for (const { reject } of slice) reject(error);
    }
  }
}
