import {
  instant,
  LeaseValidity,
  LeaseWatch,
  TaskCancelledError,
  type Clock,
  type ErrorHandler,
  type Instant,
  type Timer,
} from '@lockstep/core';
import { isToldElsewhere } from './background-failure.ts';
import type { ClaimedItem } from './claimed-item.ts';
import type { RenewalOutcome } from './scripts/renew.ts';
import type { Store } from './store.ts';

/** How many leases a script renews. */
const batchSize = 100;
const shortestPauseMs = 10;
/** How long a holder that keeps leases may go unseen otherwise; Redis forgets it after a visibility and a minute. */
const unseenMs = 30_000;
/** A lease that does not end while this process runs. */
const endlessMs = 1e13;

interface RenewalParts {
  readonly clock: Clock;
  readonly source: string;
  readonly stores: readonly Store[];
  readonly commandTimeoutMs: number;
  readonly onError: ErrorHandler;
}

/**
 * Keeps the leases of an engine: one timer, and one round of calls per third of the shortest lease. What Redis refuses
 * is lost at once; what nobody renews in time, {@link LeaseWatch} ends without asking Redis.
 *
 * One renewal of a lease is in flight at a time, an extension included: Redis carries out the later one last, and what is
 * believed here is what was sent.
 */
export class Renewals {
  readonly #parts: RenewalParts;
  readonly #watch: LeaseWatch;
  /** With the moment from which their holders count as seen, by the monotonic clock. */
  readonly #items = new Map<ClaimedItem, number>();
  readonly #inFlight = new Map<ClaimedItem, Promise<void>>();
  /** Makes the watch keep its timer while items come and go: a new one for each would cost more than all else. */
  readonly #anchor: LeaseValidity;
  #anchored = false;
  #timer: Timer | undefined;
  #dueAt = Infinity;
  #round: Promise<void> | undefined;

  constructor(parts: RenewalParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#watch = new LeaseWatch(clock);
    const sentAt = instant(clock);
    this.#anchor = new LeaseValidity(clock, { name: '', fencingToken: 0, sentAt, ttlMs: endlessMs });
  }

  /** Leases being kept. */
  get size(): number {
    return this.#items.size;
  }

  /** Renews the lease until it is deleted or lost. */
  keep(item: ClaimedItem): void {
    const { renewedAt, validity } = item;
    this.#items.set(item, renewedAt);
    this.#watch.add(validity, () => this.#items.delete(item));
    if (!this.#anchored) this.#anchorWatch();
    const third = validity.ttlMs / 3;
    // Mostly an earlier round will do, and no clock has to be looked at.
    if (this.#timer === undefined || renewedAt + third < this.#dueAt) this.#armFor(third);
  }

  delete(item: ClaimedItem): void {
    this.#items.delete(item);
    this.#watch.delete(item.validity);
  }

  /** One lease, now, to `ttlMs` from now. Rejects with `LeaseLostError` when it is not ours. */
  async extend(item: ClaimedItem, ttlMs: number): Promise<void> {
    for (let other = this.#inFlight.get(item); other !== undefined; other = this.#inFlight.get(item))
      await other;
    if (item.settled) throw item.lost('released');
    await this.#during([item], this.#extend(item, ttlMs));
  }

  /** Renews everything at once: somebody was cancelled, or Redis is back. */
  async now(): Promise<void> {
    const all = [...this.#items.keys()];
    const asked = all.filter((item) => this.#inFlight.has(item));
    await this.#run(all.filter((item) => !this.#inFlight.has(item)));
    // What was in flight may have been answered before there was something to tell.
    for (const item of asked) await this.#inFlight.get(item);
    await this.#run(asked.filter((item) => this.#items.has(item)));
  }

  close(): void {
    this.#items.clear();
    this.#watch.close();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #armFor(delayMs: number): void {
    const { clock } = this.#parts;
    const wait = Math.max(delayMs, shortestPauseMs);
    const dueAt = clock.monotonic() + wait;
    if (this.#timer !== undefined && this.#dueAt <= dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = clock.setTimer(() => void this.#tick(), wait);
  }

  async #tick(): Promise<void> {
    this.#timer = undefined;
    const time = this.#parts.clock.monotonic();
    const due: ClaimedItem[] = [];
    for (const item of this.#items.keys()) {
      // A timer may fire a little early, and what is nearly due shares the call.
      if (time - item.renewedAt >= item.validity.ttlMs / 3 - shortestPauseMs) due.push(item);
    }
    await this.#run(due);
    this.#armForNext();
  }

  #anchorWatch(): void {
    this.#anchored = true;
    this.#watch.add(this.#anchor);
  }

  /** An idle engine has no timer. */
  #liftAnchor(): void {
    this.#anchored = false;
    this.#watch.delete(this.#anchor);
  }

  #armForNext(): void {
    if (this.#items.size === 0) this.#liftAnchor();
    const time = this.#parts.clock.monotonic();
    let next = Infinity;
    for (const { renewedAt, validity } of this.#items.keys()) {
      const untilDue = renewedAt + validity.ttlMs / 3 - time;
      // Overdue after a failed round: a few more tries fit into what is left of the lease.
      next = Math.min(next, Math.max(untilDue, validity.ttlMs / 20));
    }
    if (next < Infinity) this.#armFor(next);
  }

  /** Rounds do not overlap: a reply that is late must not be overtaken by another round's. */
  async #run(items: readonly ClaimedItem[]): Promise<void> {
    while (this.#round) await this.#round;
    if (items.length === 0) return;
    this.#round = this.#renewAll(items).finally(() => (this.#round = undefined));
    await this.#round;
  }

  async #extend(item: ClaimedItem, ttlMs: number): Promise<void> {
    const { clock, stores, commandTimeoutMs } = this.#parts;
    const sentAt = instant(clock);
    // Redis may shorten the lease although no reply comes.
    if (ttlMs < item.validity.remainingMs()) this.#moved(item, sentAt, ttlMs);
    const [outcome] = await stores[item.partition]!.renew(
      [item.id, item.fencingToken, ttlMs],
      commandTimeoutMs,
      { shorten: true, seenAgain: true },
    );
    this.#apply(item, outcome!, sentAt, ttlMs);
    if (outcome === 'lost') throw item.lost('refused');
    item.assertValid();
    this.#moved(item, sentAt, ttlMs);
  }

  #moved(item: ClaimedItem, sentAt: Instant, ttlMs: number): void {
    item.validity.renewed(sentAt, ttlMs);
    this.#watch.update(item.validity);
    if (this.#items.has(item)) this.#armFor(ttlMs / 3);
  }

  /** The leases are being renewed until the call is answered or given up. */
  async #during(items: readonly ClaimedItem[], call: Promise<void>): Promise<void> {
    const ended = call.catch(() => {});
    for (const item of items) this.#inFlight.set(item, ended);
    try {
      await call;
    } finally {
      for (const item of items) this.#inFlight.delete(item);
    }
  }

  async #renewAll(items: readonly ClaimedItem[]): Promise<void> {
    const byPartition = new Map<number, ClaimedItem[]>();
    for (const item of items) {
      if (this.#inFlight.has(item)) continue;
      const group = byPartition.get(item.partition);
      if (group) group.push(item);
      else byPartition.set(item.partition, [item]);
    }
    const calls: Promise<void>[] = [];
    for (const [partition, group] of byPartition) {
      for (let at = 0; at < group.length; at += batchSize) {
        const batch = group.slice(at, at + batchSize);
        calls.push(this.#during(batch, this.#renew(this.#parts.stores[partition]!, batch)));
      }
    }
    await Promise.all(calls);
  }

  async #renew(store: Store, batch: readonly ClaimedItem[]): Promise<void> {
    const { clock, commandTimeoutMs, onError, source } = this.#parts;
    const sentAt = instant(clock);
    const leases = batch.flatMap(({ id, fencingToken, validity }) => [id, fencingToken, validity.ttlMs]);
    const lengths = batch.map(({ validity }) => validity.ttlMs);
    const timeoutMs = Math.min(commandTimeoutMs, Math.min(...lengths) / 3);
    const seenAgain = batch.some(
      (item) => sentAt.monotonic - (this.#items.get(item) ?? Infinity) >= unseenMs,
    );
    try {
      const outcomes = await store.renew(leases, timeoutMs, { seenAgain });
      for (const [index, item] of batch.entries()) {
        if (seenAgain && this.#items.has(item)) this.#items.set(item, sentAt.monotonic);
        this.#apply(item, outcomes[index]!, sentAt, lengths[index]!);
      }
    } catch (error) {
      // The next round comes soon, and the watch ends what is not renewed.
      if (!isToldElsewhere(error)) onError(error, { source, operation: 'renew' });
    }
  }

  #apply(item: ClaimedItem, outcome: RenewalOutcome, sentAt: Instant, ttlMs: number): void {
    if (item.settled) return;
    if (outcome === 'lost') {
      item.validity.lose('refused');
      this.delete(item);
      return;
    }
    item.renewedAt = sentAt.monotonic;
    item.validity.renewed(sentAt, ttlMs);
    if (outcome === 'cancelled') item.abort(new TaskCancelledError(item.id));
  }
}
