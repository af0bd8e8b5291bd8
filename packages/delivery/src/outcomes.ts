import { abortable, type Timer } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import type { Outcome } from './item.ts';
import { deathOf, parseFailures, parseOutcome } from './record.ts';
import { partitionOf } from './routing.ts';
import type { Store } from './store.ts';

const longestPollMs = 5_000;
/** How long the first wait of a process may take to be heard before it looks all the same. */
const subscribeMs = 500;

/** All who wait for an item, until the last of them leaves. */
interface Wait {
  /** The place among the item's waiters in Redis: `<process channel> <bell>`. No other wait has the same. */
  readonly waiter: string;
  readonly listeners: Set<() => void>;
  readonly removeBell: () => void;
  /** Where the waiter may stand. */
  readonly armed: Set<Store>;
  /** Looks on their way. */
  readonly looks: Set<Promise<unknown>>;
}

/** Looks up how items ended, and waits for it. One bell per item and process, however many wait. */
export class Outcomes {
  readonly #redis: Redis;
  readonly #stores: readonly Store[];
  readonly #prefix: string;
  #waited = 0;
  readonly #waits = new Map<string, Wait>();

  constructor(redis: Redis, stores: readonly Store[]) {
    this.#redis = redis;
    this.#stores = stores;
    this.#prefix = redis.random.id();
  }

  async get(id: string, waitMs: number, signal: AbortSignal | undefined): Promise<Outcome> {
    if (waitMs === 0) return this.#look(id, undefined);
    const deadline = this.#redis.clock.monotonic() + waitMs;
    let rung = (): void => {};
    const { wait, leave } = this.#listen(id, () => rung());
    try {
      // Heard later than that: what ended until then rang in vain, so it is looked at once more.
      const heard = this.#redis.doorbell.ready.then(
        () => rung(),
        () => {},
      );
      await this.#within(heard, Math.min(waitMs, subscribeMs), signal);
      for (;;) {
        const wake = new Promise<void>((resolve) => (rung = resolve));
        const outcome = await abortable(this.#look(id, wait), signal);
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

  #listen(id: string, listener: () => void): { wait: Wait; leave: () => void } {
    const wait = this.#waits.get(id) ?? this.#createWait(id);
    const { listeners, removeBell } = wait;
    listeners.add(listener);
    const leave = (): void => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      this.#waits.delete(id);
      removeBell();
      void this.#forget(id, wait);
    };
    return { wait, leave };
  }

  #createWait(id: string): Wait {
    const { doorbell } = this.#redis;
    this.#waited += 1;
    const bell = `${this.#prefix}.${this.#waited}?${id}`;
    const listeners = new Set<() => void>();
    const removeBell = doorbell.on(bell, () => {
      for (const wake of listeners) wake();
    });
    const waiter = `${doorbell.channel} ${bell}`;
    const wait = {
      waiter,
      listeners,
      removeBell,
      armed: new Set<Store>(),
      looks: new Set<Promise<unknown>>(),
    };
    this.#waits.set(id, wait);
    return wait;
  }

  /** Only neat, so its failure is none: the item's end takes the waiter away as well. */
  async #forget(id: string, { waiter, armed, looks }: Wait): Promise<void> {
    // A look that arrived after it would leave the waiter behind again.
    await Promise.allSettled(looks);
    await Promise.allSettled(Array.from(armed, (store) => store.forgetWaiter(id, waiter)));
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
  async #look(id: string, wait: Wait | undefined): Promise<Outcome> {
    const home = partitionOf(id, this.#stores.length);
    const found = await lookIn(this.#stores[home]!, id, wait);
    if (found.status !== 'unknown' || this.#stores.length === 1) return found;
    const others = this.#stores.filter((_, index) => index !== home);
    const outcomes = await Promise.all(others.map((store) => lookIn(store, id, wait)));
    return outcomes.find(({ status }) => status !== 'unknown') ?? found;
  }
}

async function lookIn(store: Store, id: string, wait: Wait | undefined): Promise<Outcome> {
  if (wait === undefined) return outcomeIn(store, id, '');
  const look = outcomeIn(store, id, wait.waiter);
  wait.armed.add(store);
  wait.looks.add(look);
  try {
    const outcome = await look;
    if (outcome.status !== 'pending') wait.armed.delete(store);
    return outcome;
  } finally {
    wait.looks.delete(look);
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
