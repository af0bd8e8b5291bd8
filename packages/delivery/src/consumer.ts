import {
  ClosedError,
  ShutdownError,
  type CloseOptions,
  type CloseReport,
  type ErrorHandler,
  type Instant,
  type MaybePromise,
} from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { ClaimedItem, type LeaseHolder } from './claimed-item.ts';
import { Condition } from './condition.ts';
import type { Consumer, ConsumerOptions, ConsumerStats } from './consumer-options.ts';
import type { Note } from './delivery.ts';
import type { Settlement } from './item.ts';
import { noteFields } from './notes.ts';
import { assertWhole } from './options.ts';
import { PartitionLoop } from './partition-loop.ts';
import type { Renewals } from './renewals.ts';
import type { Claim } from './scripts/turn.ts';
import { Slots } from './slots.ts';
import type { Store } from './store.ts';

const longestPollMs = 5_000;
/** What a handler that threw, which it must not, delays its item by. */
const faultDelayMs = 1_000;
const defaults = { concurrency: 10, drainMs: 10_000, abortMs: 2_000 } as const;

export interface ConsumerParts {
  readonly redis: Redis;
  readonly source: string;
  readonly stores: readonly Store[];
  readonly renewals: Renewals;
  readonly visibilityMs: number;
  readonly onError: ErrorHandler;
  readonly isClosed: () => boolean;
}

/** What a stop did so far. */
interface Tally {
  finished: number;
  returned: number;
  aborted: number;
  readonly errors: unknown[];
}

/** See {@link Consumer}. */
export class ItemConsumer implements Consumer, LeaseHolder {
  readonly id: string;
  readonly #parts: ConsumerParts;
  readonly #options: ConsumerOptions;
  readonly #slots: Slots;
  readonly #loops: readonly PartitionLoop[];
  readonly #active = new Set<ClaimedItem>();
  readonly #idle: Condition;
  #shortestVisibilityMs: number;
  #running = false;
  /** A stop is under way. */
  #ending = false;
  #startsAgain = false;
  #stopping: Promise<CloseReport> | undefined;
  #tally: Tally = { finished: 0, returned: 0, aborted: 0, errors: [] };
  #removeListeners: (() => void)[] = [];
  #handled = 0;
  #lost = 0;
  #turns = 0;
  #answeredAt: (number | undefined)[];

  constructor(parts: ConsumerParts, options: ConsumerOptions) {
    const { redis, stores } = parts;
    const concurrency = assertWhole(
      'options.concurrency',
      options.concurrency ?? defaults.concurrency,
      1,
      100_000,
    );
    this.id = redis.random.id();
    this.#parts = parts;
    this.#options = options;
    this.#shortestVisibilityMs = parts.visibilityMs;
    this.#idle = new Condition(redis.clock, () => this.#active.size === 0);
    this.#slots = new Slots(concurrency, () => this.#kickAll());
    this.#answeredAt = stores.map(() => undefined);
    this.#loops = stores.map((store, index) => this.#createLoop(store, index));
  }

  start(): void {
    if (this.#parts.isClosed()) throw new ClosedError(this.#parts.source);
    // A stop on its way would take down the new bells with the old ones, and hand back what is claimed from now on.
    if (this.#ending) this.#startsAgain = true;
    else if (!this.#running) this.#begin();
  }

  stop(options: CloseOptions = {}): Promise<CloseReport> {
    this.#startsAgain = false;
    this.#stopping ??= this.#stop(options).finally(() => {
      this.#ending = false;
      if (this.#startsAgain) this.#begin();
    });
    return this.#stopping;
  }

  stats(): ConsumerStats {
    const now = this.#parts.redis.clock.monotonic();
    const answered = this.#answeredAt.filter((at) => at !== undefined);
    return {
      running: this.#running,
      active: this.#active.size,
      settling: this.#loops.reduce((sum, loop) => sum + loop.settling, 0),
      handled: this.#handled,
      lost: this.#lost,
      turns: this.#turns,
      sinceLastTurnMs: answered.length < this.#loops.length ? undefined : now - Math.min(...answered),
    };
  }

  settle(item: ClaimedItem, settlement: Settlement): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#loops[item.partition]!.settle(item, settlement, { resolve, reject });
    });
  }

  extend(item: ClaimedItem, ttlMs: number): Promise<void> {
    return this.#parts.renewals.extend(item, ttlMs);
  }

  save(item: ClaimedItem, note: Note, value: string): Promise<boolean> {
    return this.#parts.stores[item.partition]!.saveNote(item.id, item.fencingToken, noteFields[note], value);
  }

  load(item: ClaimedItem, note: Note): Promise<string | undefined> {
    return this.#parts.stores[item.partition]!.loadNote(item.id, noteFields[note]);
  }

  #begin(): void {
    this.#startsAgain = false;
    this.#running = true;
    this.#stopping = undefined;
    const { redis } = this.#parts;
    const wakeAll = (): void => {
      for (const loop of this.#loops) loop.wake();
    };
    // Each of them means that a bell may have been missed.
    this.#removeListeners = (['up', 'gap', 'failover'] as const).map((event) => redis.on(event, wakeAll));
    for (const loop of this.#loops) loop.start();
  }

  #createLoop(store: Store, index: number): PartitionLoop {
    const { redis, source, onError, renewals } = this.#parts;
    const id = this.#parts.stores.length === 1 ? this.id : `${this.id}.${index}`;
    return new PartitionLoop({
      id,
      source,
      store,
      slots: this.#slots,
      clock: redis.clock,
      random: redis.random,
      doorbell: redis.doorbell,
      onError,
      slowPollMs: () => Math.min(longestPollMs, this.#shortestVisibilityMs),
      onClaims: (claims, sentAt) => this.#claimed(claims, sentAt, index),
      onSettled: (item, settlement, accepted) => this.#over(item, settlement, accepted),
      onAnswer: () => {
        this.#turns += 1;
        this.#answeredAt[index] = redis.clock.monotonic();
      },
      // The round says of what.
      onCancelled: () => void renewals.now(),
    });
  }

  #kickAll(): void {
    for (const loop of this.#loops) loop.kick();
  }

  #claimed(claims: readonly Claim[], sentAt: Instant, partition: number): void {
    const { redis, source, visibilityMs, renewals } = this.#parts;
    const context = {
      clock: redis.clock,
      source,
      partition,
      sentAt,
      visibilityMs,
      forced: false,
      holder: this,
    };
    for (const claim of claims) {
      const item = new ClaimedItem(claim, context);
      if (item.visibilityMs < this.#shortestVisibilityMs) this.#shortestVisibilityMs = item.visibilityMs;
      this.#active.add(item);
      renewals.keep(item);
      // Stopped while the turn was in flight, or its reply came after the lease had ended: nobody starts on it.
      if (this.#running && item.isValid()) this.#handle(item);
      else this.#handBack(item, 0);
    }
  }

  #handle(item: ClaimedItem): void {
    let handling: MaybePromise<Settlement>;
    try {
      handling = this.#options.handle(item);
    } catch (error) {
      return this.#faulted(item, error);
    }
    // A promise for each of many tasks costs as much as their handlers.
    if (!(handling instanceof Promise)) return this.#ended(item, handling);
    handling.then(
      (settlement) => this.#ended(item, settlement),
      (error: unknown) => this.#faulted(item, error),
    );
  }

  #faulted(item: ClaimedItem, error: unknown): void {
    this.#parts.onError(error, { source: this.#parts.source, operation: 'handle' });
    this.#ended(item, { type: 'release', delayMs: faultDelayMs });
  }

  #ended(item: ClaimedItem, settlement: Settlement): void {
    this.#handled += 1;
    if (!item.claimSettlement()) return this.#free(item);
    this.#count(settlement);
    this.#settleLater(item, settlement);
  }

  /** For the report of a stop. */
  #count({ type }: Settlement): void {
    if (this.#running) return;
    if (type === 'release') this.#tally.returned += 1;
    else if (this.#tally.aborted === 0) this.#tally.finished += 1;
  }

  #settleLater(item: ClaimedItem, settlement: Settlement): void {
    const loop = this.#loops[item.partition]!;
    try {
      loop.settle(item, settlement);
    } catch (error) {
      this.#parts.onError(error, { source: this.#parts.source, operation: 'settle' });
      loop.settle(item, { type: 'release', delayMs: faultDelayMs });
    }
    this.#free(item);
  }

  #handBack(item: ClaimedItem, delayMs: number): void {
    if (!item.claimSettlement()) return;
    this.#tally.returned += 1;
    this.#settleLater(item, { type: 'release', delayMs });
  }

  /** The handler is done with it; its settlement may still be on the way. */
  #free(item: ClaimedItem): void {
    if (!this.#active.delete(item)) return;
    this.#slots.give(1);
    this.#idle.changed();
  }

  /** Redis has answered. */
  #over(item: ClaimedItem, settlement: Settlement, accepted: boolean): void {
    this.#parts.renewals.delete(item);
    if (!accepted) this.#lost += 1;
    this.#options.onSettled?.(item, settlement, accepted);
  }

  async #stop({
    drainMs = defaults.drainMs,
    abortMs = defaults.abortMs,
  }: CloseOptions): Promise<CloseReport> {
    this.#running = false;
    this.#ending = true;
    this.#tally = { finished: 0, returned: 0, aborted: 0, errors: [] };
    for (const remove of this.#removeListeners) remove();
    for (const loop of this.#loops) loop.stopClaiming();
    if (!(await this.#idle.wait(drainMs))) {
      this.#tally.aborted = this.#active.size;
      const reason = new ShutdownError();
      for (const item of this.#active) item.abort(reason);
      await this.#idle.wait(abortMs);
    }
    // A handler that does not come back: its item goes to somebody else, fenced from whatever it still does.
    for (const item of [...this.#active]) this.#handBack(item, 0);
    const { redis, source } = this.#parts;
    const ended = await Promise.allSettled(this.#loops.map((loop) => loop.finish(redis.commandTimeoutMs)));
    for (const result of ended) if (result.status === 'rejected') this.#tally.errors.push(result.reason);
    return { name: source, ...this.#tally };
  }
}
