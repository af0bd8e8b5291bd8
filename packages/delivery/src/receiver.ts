import { abortable, abortReason, ClosedError, instant } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { ClaimedItem, type LeaseHolder } from './claimed-item.ts';
import type { Note } from './delivery.ts';
import type { ReceiveOptions } from './engine.ts';
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
  readonly #held = new Set<ClaimedItem>();
  readonly #waiting = new Set<Waiting>();
  #nextPartition = 0;
  #closed = false;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  async receive(options: ReceiveOptions): Promise<ClaimedItem[]> {
    const max = assertWhole('options.max', options.max ?? 1, 1, mostPerReceive);
    const waitMs = assertDelay('options.waitMs', options.waitMs ?? 0);
    if (options.visibilityMs !== undefined) assertVisibility('options.visibilityMs', options.visibilityMs);
    if (options.signal?.aborted) throw abortReason(options.signal);
    const received = this.#receive(max, waitMs, options);
    // An abort answers at once; what is claimed all the same goes back.
    options.signal?.addEventListener('abort', () => void this.#takeBack(received), { once: true });
    return abortable(received, options.signal);
  }

  /** Ends waits, and hands back what is held. */
  async close(): Promise<{ returned: number; errors: unknown[] }> {
    this.#closed = true;
    for (const waiting of this.#waiting) waiting.ring();
    const released = await Promise.allSettled(Array.from(this.#held, (item) => item[Symbol.asyncDispose]()));
    const errors = released
      .filter(({ status }) => status === 'rejected')
      .map((result) => (result as PromiseRejectedResult).reason as unknown);
    return { returned: released.length - errors.length, errors };
  }

  async settle(item: ClaimedItem, settlement: Settlement): Promise<boolean> {
    try {
      return await this.#parts.settlers[item.partition]!.settle(item, settlement);
    } finally {
      this.#held.delete(item);
      this.#parts.renewals.delete(item);
    }
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

  async #takeBack(received: Promise<ClaimedItem[]>): Promise<void> {
    const items = await received.catch(() => []);
    // A release that fails leaves the leases to run out.
    await Promise.allSettled(items.map((item) => item[Symbol.asyncDispose]()));
  }

  async #receive(max: number, waitMs: number, options: ReceiveOptions): Promise<ClaimedItem[]> {
    const { redis } = this.#parts;
    const deadline = redis.clock.monotonic() + waitMs;
    const first = await this.#look(max, undefined, options);
    if (first.items.length > 0 || waitMs === 0) return first.items;
    const waiting = new Waiting(`${redis.random.id()}`);
    const removeBell = redis.doorbell.on(waiting.bell, () => waiting.ring());
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
      this.#waiting.delete(waiting);
      await this.#leave(waiting);
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
      sleepMs = Math.min(sleepMs, reply.more ? 0 : (reply.dueInMs ?? Infinity));
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
    const { redis, source, stores, lanes, renewals } = this.#parts;
    const sentAt = instant(redis.clock);
    const waiter = waiting === undefined ? '' : `${redis.doorbell.channel} ${waiting.bell}`;
    const reply = await lanes[partition]!.run((caller) =>
      stores[partition]!.turn({
        caller,
        want,
        visibilityMs,
        waiter,
        armed: waiting !== undefined,
        woken: waiting !== undefined,
        settlementArgs: [],
      }),
    );
    const context = {
      clock: redis.clock,
      source,
      partition,
      sentAt,
      visibilityMs: visibilityMs ?? this.#parts.visibilityMs,
      forced: visibilityMs !== undefined,
      holder: this,
    };
    for (const claim of reply.claims) {
      const item = new ClaimedItem(claim, context);
      this.#held.add(item);
      renewals.watch(item);
      items.push(item);
    }
    return reply;
  }

  /** The waiter must not stay behind: a bell rung for it would wake nobody else. */
  async #leave({ bell }: Waiting): Promise<void> {
    const { redis, stores } = this.#parts;
    const waiter = `${redis.doorbell.channel} ${bell}`;
    await Promise.allSettled(stores.map((store) => store.leave([], waiter)));
  }
}
