import type { ScriptArgument } from '@lockstep/redis';
import type { ClaimedItem } from './claimed-item.ts';
import type { Settlement } from './item.ts';
import { appendSettlement } from './settlement-args.ts';

/** Bounded by what Lua can unpack when all of them are about items of one hash. */
const settlementsPerTurn = 400;

/** Where the answer goes when somebody awaits it. */
export interface Asker {
  resolve(accepted: boolean): void;
  reject(error: unknown): void;
}

export interface WaitingSettlement {
  readonly item: ClaimedItem;
  readonly settlement: Settlement;
  readonly asker: Asker | undefined;
}

/** What one turn settles, and the arguments that say so: built as settlements come in, sent as they are. */
export interface SettlementBatch {
  readonly settlements: WaitingSettlement[];
  readonly args: ScriptArgument[];
}

/** Settlements that no turn has taken yet, in the portions that turns take. */
export class SettlementQueue {
  readonly #full: SettlementBatch[] = [];
  #open: SettlementBatch = { settlements: [], args: [] };

  get size(): number {
    return this.#full.length * settlementsPerTurn + this.#open.settlements.length;
  }

  /**
   * @throws CONFIGURATION for a number that is none; nothing was added then.
   */
  add(item: ClaimedItem, settlement: Settlement, asker: Asker | undefined): void {
    appendSettlement(this.#open.args, item, settlement);
    this.#open.settlements.push({ item, settlement, asker });
    if (this.#open.settlements.length === settlementsPerTurn) this.#full.push(this.#takeOpen());
  }

  /** The oldest portion; an empty one when nothing waits. */
  take(): SettlementBatch {
    return this.#full.shift() ?? this.#takeOpen();
  }

  #takeOpen(): SettlementBatch {
    const batch = this.#open;
    this.#open = { settlements: [], args: [] };
    return batch;
  }
}
