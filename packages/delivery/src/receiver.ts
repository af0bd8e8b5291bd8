import { abortable, abortReason, ClosedError, instant } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { ClaimedItem, type LeaseHolder } from './claimed-item.ts';
import type { Note } from './delivery.ts';
import type { ReceiveOptions } from './engine.ts';
import { HeldLeases } from './held-leases.ts';
import type { Settlement } from './item.ts';
import type { Lanes } from './lanes.ts';
import { noteFields } from './notes.ts';
import { assertDelay, assertVisibility, assertWhole } from './options.ts';
import type { Renewals } from './renewals.ts';
import type { TurnReply } from './scripts/turn.ts';
import type { Settler } from './settler.ts';
import type { Store } from './store.ts';

const longestPollMs = 5_000;
const mostPerReceive = 500;

export interface ReceiverParts {
  readonly redis: Redis;
  readonly source: string;
  readonly stores: readonly Store[];
  readonly lanes: readonly Lanes[];
  readonly settlers: readonly Settler[];
  readonly renewals: Renewals;
  readonly visibilityMs: number;
}

/** One call of `receive` while it waits. */
class Waiting {
  readonly bell: string;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(bell: string) {
    this.bell = bell;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Until the bell rings, or has since the last sleep; `ms` at most. */
  sleep(redis: Redis, ms: number): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wake = undefined;
        this.#rung = false;
        resolve();
      };
      const timer = redis.clock.setTimer(wake, ms);
      this.#wake = wake;
    });
  }
}

/** Claims by hand: leases that their holder extends, settles or disposes. */
export class Receiver implements LeaseHolder {
  readonly #parts: ReceiverParts;
  readonly #held: HeldLeases;
  readonly #calls = new Set<Promise<unknown>>();
  readonly #waiting = new Set<Waiting>();
  readonly #removeListeners: readonly (() => void)[];
  #nextPartition = 0;
  #listening = false;
  #closed = false;

  constructor(parts: ReceiverParts) {
    const { redis, stores } = parts;
    this.#parts = parts;
    this.#held = new HeldLeases({ clock: redis.clock, doorbell: redis.doorbell, stores });
    // Each of them means that a bell may have been missed.
    this.#removeListeners = (['up', 'gap', 'failover'] as const).map((event) =>
      redis.on(event, () => this.#lookAgain()),
    );
  }

  async receive(options: ReceiveOptions): Promise<ClaimedItem[]> {
    const max = assertWhole('options.max', options.max ?? 1, 1, mostPerReceive);
    const waitMs = assertDelay('options.waitMs', options.waitMs ?? 0);
    if (options.visibilityMs !== undefined) assertVisibility('options.visibilityMs', options.visibilityMs);
    if (options.signal?.aborted) throw abortReason(options.signal);
    const received = this.#receive(max, waitMs, options);
    this.#keepUntilSettled(received);
    try {
      return await abortable(received, options.signal);
    } catch (error) {
      // An abort answers at once; what is claimed all the same goes back.
      void this.#takeBack(received);
      throw error;
    }
  }

  /** Ends waits, and hands back what is held. */
  async close(): Promise<{ returned: number; errors: unknown[] }> {
    this.#closed = true;
    for (const remove of this.#removeListeners) remove();
    for (const waiting of this.#waiting) waiting.ring();
    // What is being claimed would stay behind.
    await Promise.allSettled(this.#calls);
    const released = await Promise.allSettled(this.#held.items.map((item) => item[Symbol.asyncDispose]()));
    this.#held.close();
    const errors = released
      .filter(({ status }) => status === 'rejected')
      .map((result) => (result as PromiseRejectedResult).reason as unknown);
    return { returned: released.length - errors.length, errors };
  }

  async settle(item: ClaimedItem, settlement: Settlement): Promise<boolean> {
    const accepted = await this.#parts.settlers[item.partition]!.settle(item, settlement);
    // After a failure it is still held: the settlement may be tried again.
    this.#held.delete(item);
    return accepted;
  }

  async extend(item: ClaimedItem, ttlMs: number): Promise<void> {
    try {
      await this.#parts.renewals.extend(item, ttlMs);
    } finally {
      // A shorter lease is believed in also when no reply came.
      this.#held.moved(item);
    }
  }

  save(item: ClaimedItem, note: Note, value: string): Promise<boolean> {
    return this.#parts.stores[item.partition]!.saveNote(item.id, item.fencingToken, noteFields[note], value);
  }

  load(item: ClaimedItem, note: Note): Promise<string | undefined> {
    return this.#parts.stores[item.partition]!.loadNote(item.id, noteFields[note]);
  }

  #keepUntilSettled(call: Promise<unknown>): void {
    this.#calls.add(call);
    const forget = (): void => void this.#calls.delete(call);
    call.then(forget, forget);
  }

  #lookAgain(): void {
    for (const waiting of this.#waiting) waiting.ring();
    this.#held.lookAtAll();
  }

  async #takeBack(received: Promise<ClaimedItem[]>): Promise<void> {
    const items = await received.catch(() => []);
    // A release that fails leaves the leases to run out.
    await Promise.allSettled(items.map((item) => item[Symbol.asyncDispose]()));
  }

  async #receive(max: number, waitMs: number, options: ReceiveOptions): Promise<ClaimedItem[]> {
    const { redis } = this.#parts;
    const deadline = redis.clock.monotonic() + waitMs;
    const items = await this.#lookOnce(max, options);
    if (items.length > 0 || waitMs === 0) return items;
    const waiting = new Waiting(`${redis.random.id()}`);
    const ring = (): void => waiting.ring();
    const removeBell = redis.doorbell.on(waiting.bell, ring);
    options.signal?.addEventListener('abort', ring, { once: true });
    this.#waiting.add(waiting);
    try {
      for (;;) {
        this.#assertOpen(options.signal);
        const found = await this.#look(max, waiting, options);
        const left = deadline - redis.clock.monotonic();
        if (found.items.length > 0 || left <= 0) return found.items;
        await waiting.sleep(redis, Math.min(left, found.sleepMs));
      }
    } finally {
      removeBell();
      options.signal?.removeEventListener('abort', ring);
      this.#waiting.delete(waiting);
      await this.#leave(waiting);
    }
  }

  /** What there is now. Redis looks through a long row of expired items or tombstones a slice at a time. */
  async #lookOnce(max: number, options: ReceiveOptions): Promise<ClaimedItem[]> {
    for (;;) {
      const { items, sleepMs } = await this.#look(max, undefined, options);
      if (items.length > 0 || sleepMs > 0) return items;
      this.#assertOpen(options.signal);
    }
  }

  #assertOpen(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new ClosedError(this.#parts.source);
    if (signal?.aborted) throw abortReason(signal);
  }

  /** Asks the partitions in turn until one has something; a waiter is left with each that has not enough. */
  async #look(
    max: number,
    waiting: Waiting | undefined,
    options: ReceiveOptions,
  ): Promise<{ items: ClaimedItem[]; sleepMs: number }> {
    const { stores, visibilityMs } = this.#parts;
    let sleepMs = Math.min(longestPollMs, options.visibilityMs ?? visibilityMs);
    for (let asked = 0; asked < stores.length; asked += 1) {
      const partition = this.#nextPartition;
      this.#nextPartition = (partition + 1) % stores.length;
      const items: ClaimedItem[] = [];
      const reply = await this.#claim(partition, max, waiting, options, items);
      if (items.length > 0) return { items, sleepMs };
      sleepMs = Math.min(sleepMs, reply.more ? 0 : Math.max(reply.dueInMs ?? Infinity, 1));
    }
    return { items: [], sleepMs };
  }

  async #claim(
    partition: number,
    want: number,
    waiting: Waiting | undefined,
    { visibilityMs }: ReceiveOptions,
    items: ClaimedItem[],
  ): Promise<TurnReply> {
    const { redis, source, stores, lanes } = this.#parts;
    const sentAt = instant(redis.clock);
    const waiter = waiting === undefined ? '' : `${redis.doorbell.channel} ${waiting.bell}`;
    let claimedBy = '';
    const reply = await lanes[partition]!.run((caller) => {
      claimedBy = caller.id;
      this.#listen(caller.id);
      return stores[partition]!.turn({
        caller,
        want,
        visibilityMs,
        waiter,
        armed: waiting !== undefined,
        woken: waiting !== undefined,
        settlementArgs: [],
      });
    });
    const context = {
      clock: redis.clock,
      source,
      partition,
      sentAt,
      visibilityMs: visibilityMs ?? this.#parts.visibilityMs,
      forced: visibilityMs !== undefined,
      holder: this,
    };
    items.push(...reply.claims.map((claim) => new ClaimedItem(claim, context)));
    this.#held.add(claimedBy, items);
    // `close` hands them back.
    if (this.#closed) throw new ClosedError(source);
    return reply;
  }

  #listen(caller: string): void {
    this.#held.listen(caller);
    if (this.#listening) return;
    this.#listening = true;
    // What was rung before the channel was heard is found by looking again.
    this.#parts.redis.doorbell.ready.then(() => this.#lookAgain()).catch(() => {});
  }

  /** The waiter must not stay behind: a bell rung for it would wake nobody else. */
  async #leave({ bell }: Waiting): Promise<void> {
    const { redis, stores } = this.#parts;
    const waiter = `${redis.doorbell.channel} ${bell}`;
    await Promise.allSettled(stores.map((store) => store.leave([], waiter)));
  }
}
