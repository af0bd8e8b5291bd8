import { abortable, type Timer } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import type { Outcome } from './item.ts';
import { deathOf, parseFailures, parseOutcome } from './record.ts';
import { partitionOf } from './routing.ts';
import type { Store } from './store.ts';

const longestPollMs = 5_000;
/** How long the first wait of a process may take to be heard before it looks all the same. */
const subscribeMs = 500;

interface Wait {
  readonly listeners: Set<() => void>;
  readonly removeBell: () => void;
}

/** Looks up how items ended, and waits for it. One bell per item and process, however many wait. */
export class Outcomes {
  readonly #redis: Redis;
  readonly #stores: readonly Store[];
  readonly #prefix: string;
  readonly #waits = new Map<string, Wait>();

  constructor(redis: Redis, stores: readonly Store[]) {
    this.#redis = redis;
    this.#stores = stores;
    this.#prefix = redis.random.id();
  }

  async get(id: string, waitMs: number, signal: AbortSignal | undefined): Promise<Outcome> {
    if (waitMs === 0) return this.#look(id, '');
    const deadline = this.#redis.clock.monotonic() + waitMs;
    let rung = (): void => {};
    const leave = this.#listen(id, () => rung());
    try {
      // Heard later than that: what ended until then rang in vain, so it is looked at once more.
      const heard = this.#redis.doorbell.ready.then(
        () => rung(),
        () => {},
      );
      await this.#within(heard, Math.min(waitMs, subscribeMs), signal);
      for (;;) {
        const wake = new Promise<void>((resolve) => (rung = resolve));
        const outcome = await abortable(
          this.#look(id, `${this.#redis.doorbell.channel} ${this.#bell(id)}`),
          signal,
        );
        const left = deadline - this.#redis.clock.monotonic();
        if (outcome.status !== 'pending' || left <= 0) return outcome;
        await this.#within(wake, Math.min(left, longestPollMs), signal);
      }
    } finally {
      leave();
    }
  }

  /** Whoever waits looks again, for the last time if it is too late. */
  wakeAll(): void {
    for (const { listeners } of this.#waits.values()) for (const listener of listeners) listener();
  }

  #bell(id: string): string {
    return `${this.#prefix}?${id}`;
  }

  #listen(id: string, listener: () => void): () => void {
    let wait = this.#waits.get(id);
    if (wait === undefined) {
      const listeners = new Set<() => void>();
      const removeBell = this.#redis.doorbell.on(this.#bell(id), () => {
        for (const wake of listeners) wake();
      });
      wait = { listeners, removeBell };
      this.#waits.set(id, wait);
    }
    const { listeners, removeBell } = wait;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      this.#waits.delete(id);
      removeBell();
    };
  }

  async #within(promise: Promise<void>, ms: number, signal: AbortSignal | undefined): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => (timer = this.#redis.clock.setTimer(resolve, ms)));
    try {
      await abortable(Promise.race([promise, late]), signal);
    } finally {
      timer?.cancel();
    }
  }

  /** An id that was made for its partition is found at once; one of the caller's with another route, by asking all. */
  async #look(id: string, waiter: string): Promise<Outcome> {
    const home = partitionOf(id, this.#stores.length);
    const found = await outcomeIn(this.#stores[home]!, id, waiter);
    if (found.status !== 'unknown' || this.#stores.length === 1) return found;
    const others = this.#stores.filter((_, index) => index !== home);
    const outcomes = await Promise.all(others.map((store) => outcomeIn(store, id, waiter)));
    return outcomes.find(({ status }) => status !== 'unknown') ?? found;
  }
}

async function outcomeIn(store: Store, id: string, waiter: string): Promise<Outcome> {
  const reply = await store.outcome(id, waiter);
  switch (reply.status) {
    case 'dead':
      return { status: 'dead', ...deathOf(reply.dead), history: parseFailures(reply.failures) };
    case 'kept': {
      const { status, at, result } = parseOutcome(reply.record);
      return status === 'completed' ? { status, at, result } : { status, at };
    }
    case 'pending':
    case 'unknown':
      return { status: reply.status };
  }
}
