import { LeaseWatch, TaskCancelledError, type Clock } from '@lockstep/core';
import type { Doorbell } from '@lockstep/redis';
import { cancelBell } from './cancel-bell.ts';
import type { ClaimedItem } from './claimed-item.ts';
import { parseState } from './record.ts';
import type { Store } from './store.ts';

/** Items that are asked about at once. */
const sliceSize = 50;

interface HeldLeasesParts {
  readonly clock: Clock;
  readonly doorbell: Doorbell;
  readonly stores: readonly Store[];
}

/**
 * What callers of `receive` hold. Nobody renews these leases, so nobody hears in passing that one was cancelled: the
 * bell `<caller>!` of the call that claimed it tells. What is not settled in time ends here and is forgotten.
 */
export class HeldLeases {
  readonly #parts: HeldLeasesParts;
  readonly #watch: LeaseWatch;
  readonly #bells = new Map<ClaimedItem, string>();
  readonly #removers = new Map<string, () => void>();
  /** Bells that rang since their caller's last call was sent. */
  readonly #rung = new Set<string>();
  #looking = false;
  #lookAgain = false;

  constructor(parts: HeldLeasesParts) {
    this.#parts = parts;
    this.#watch = new LeaseWatch(parts.clock);
  }

  get items(): readonly ClaimedItem[] {
    return [...this.#bells.keys()];
  }

  /** Before `caller` claims: the bell may ring before the reply is here. */
  listen(caller: string): void {
    const bell = cancelBell(caller);
    this.#rung.delete(bell);
    if (this.#removers.has(bell)) return;
    const ring = (): void => {
      this.#rung.add(bell);
      void this.#look(bell);
    };
    this.#removers.set(bell, this.#parts.doorbell.on(bell, ring));
  }

  /** What `caller` has claimed. */
  add(caller: string, items: readonly ClaimedItem[]): void {
    const bell = cancelBell(caller);
    for (const item of items) {
      this.#bells.set(item, bell);
      this.#watch.add(item.validity, () => this.#bells.delete(item));
    }
    if (this.#rung.has(bell)) void this.#look(bell);
  }

  /** The deadline of an item was moved. */
  moved(item: ClaimedItem): void {
    this.#watch.update(item.validity);
  }

  delete(item: ClaimedItem): void {
    this.#bells.delete(item);
    this.#watch.delete(item.validity);
  }

  /** Bells may have been missed. A connection that breaks again and again must not pile up questions. */
  lookAtAll(): void {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookWhileAsked();
  }

  close(): void {
    for (const remove of this.#removers.values()) remove();
    this.#removers.clear();
    this.#bells.clear();
    this.#watch.close();
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain) {
      this.#lookAgain = false;
      await this.#look(undefined);
    }
    this.#looking = false;
  }

  /** Asks about what the bell may mean, or about everything. */
  async #look(rung: string | undefined): Promise<void> {
    const asked: ClaimedItem[] = [];
    for (const [item, bell] of this.#bells) {
      if ((rung === undefined || rung === bell) && item.isValid()) asked.push(item);
    }
    for (let at = 0; at < asked.length; at += sliceSize) {
      // Where Redis does not answer, extending the lease tells as well.
      await Promise.allSettled(asked.slice(at, at + sliceSize).map((item) => this.#ask(item)));
    }
  }

  /** Reads only: asking must not lengthen a lease. */
  async #ask(item: ClaimedItem): Promise<void> {
    const stored = await this.#parts.stores[item.partition]!.get(item.id);
    // The mark of an item that was claimed again is for its holder.
    if (!stored?.cancelled || parseState(stored.state).token !== item.fencingToken) return;
    if (item.isValid()) item.abort(new TaskCancelledError(item.id));
  }
}
