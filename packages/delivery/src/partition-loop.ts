import {
  BackoffState,
  ClosedError,
  instant,
  type Clock,
  type ErrorHandler,
  type Instant,
  type Random,
  type Timer,
} from '@lockstep/core';
import type { Doorbell } from '@lockstep/redis';
import { isToldElsewhere } from './background-failure.ts';
import type { ClaimedItem } from './claimed-item.ts';
import { Condition } from './condition.ts';
import type { Settlement } from './item.ts';
import type { Claim, TurnReply } from './scripts/turn.ts';
import { SettlementQueue, type Asker, type WaitingSettlement } from './settlement-queue.ts';
import type { Slots } from './slots.ts';
import type { Store, TurnRequest } from './store.ts';

/** Bounds the script and its reply. */
const claimsPerTurn = 500;

/** While Redis is away: capped, so that work goes on within two seconds of its return even if no event tells of it. */
const retries = { type: 'exponential', initialMs: 50, maxMs: 1_000, jitter: 'equal' } as const;

interface Turn {
  readonly request: TurnRequest;
  readonly settlements: readonly WaitingSettlement[];
  readonly sentAt: Instant;
}

interface Arrival {
  readonly claims: readonly Claim[];
  readonly sentAt: Instant;
}

/** What rings when something that this worker holds was cancelled. */
function cancelBell(id: string): string {
  return `${id}!`;
}

export interface LoopParts {
  /** The worker's id in this partition, and its bell. */
  readonly id: string;
  readonly source: string;
  readonly store: Store;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly random: Random;
  readonly doorbell: Doorbell;
  readonly onError: ErrorHandler;
  /** The longest sleep. */
  slowPollMs(): number;
  /** Each claim occupies a slot, which the receiver gives back. */
  onClaims(claims: readonly Claim[], sentAt: Instant): void;
  /** Redis has answered, or nobody knows because the loop ended before it did: not accepted. */
  onSettled(item: ClaimedItem, settlement: Settlement, accepted: boolean): void;
  onAnswer(): void;
  /** Something this worker holds was cancelled. */
  readonly onCancelled: () => void;
}

/**
 * One partition of a consumer: at most one turn in flight, which carries what was settled since the last one and asks
 * for as many items as there are free slots. Asleep when Redis had fewer; woken by its bell, by the
 * moment the next thing is due, by the slow poll, or when the connection tells that a bell may have been missed.
 *
 * A turn that fails is sent again as it is, under its number, until Redis answers.
 */
export class PartitionLoop {
  readonly #parts: LoopParts;
  readonly #backoff: BackoffState;
  readonly #flushed: Condition;
  readonly #settlements = new SettlementQueue();
  #claiming = false;
  /** There may be work that was not claimed. */
  #hungry = false;
  /** A bell rang that the next turn answers, and has to pass on if it leaves work behind. */
  #woken = false;
  #armed = false;
  #seq = 0;
  #acked = 0;
  #unanswered: Turn | undefined;
  #inFlight = false;
  /** What was claimed and is not handed out yet. */
  #arrived: Arrival[] = [];
  #scheduled = false;
  #timer: Timer | undefined;
  #pollAt = 0;
  #endPause: (() => void) | undefined;
  #removeBells: (() => void)[] = [];

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#backoff = new BackoffState(retries, { random: parts.random });
    this.#flushed = new Condition(
      parts.clock,
      () => !this.#inFlight && this.#settlements.size === 0 && this.#arrived.length === 0,
    );
  }

  get settling(): number {
    return this.#settlements.size + (this.#unanswered?.settlements.length ?? 0);
  }

  start(): void {
    const { doorbell, id, onCancelled } = this.#parts;
    this.#claiming = true;
    for (const remove of this.#removeBells) remove();
    this.#removeBells = [doorbell.on(id, () => this.#rung()), doorbell.on(cancelBell(id), onCancelled)];
    // What was rung before the channel was heard is found by looking again.
    doorbell.ready.then(() => this.wake()).catch(() => {});
    this.wake();
  }

  /** Claims no more. Settlements still go out. */
  stopClaiming(): void {
    this.#claiming = false;
    this.#hungry = false;
    this.#sleepNoMore();
    this.#endPause?.();
  }

  /** There may be something to claim: a message may have been missed, or Redis is back. */
  wake(): void {
    if (this.#claiming) this.#hungry = true;
    this.#endPause?.();
    this.kick();
  }

  /**
   * Ends a lease with the next turn. The asker, if there is one, is told after `onSettled`, and gets an error when the
   * loop ends before Redis answers.
   *
   * @throws CONFIGURATION for a number that is none; nothing was sent then.
   */
  settle(item: ClaimedItem, settlement: Settlement, asker?: Asker): void {
    this.#settlements.add(item, settlement, asker);
    this.kick();
  }

  /** Takes a turn if there is reason to; all reasons of a tick share it. */
  kick(): void {
    if (this.#scheduled || this.#inFlight || !this.#hasReason()) return;
    this.#scheduled = true;
    setImmediate(this.#onTick);
  }

  readonly #onTick = (): void => {
    this.#scheduled = false;
    if (!this.#inFlight && this.#hasReason()) void this.#takeTurn();
  };

  /** Waits until everything settled was answered, `ms` at most, then leaves. What is unanswered by then fails. */
  async finish(ms: number): Promise<void> {
    const { id, store, source } = this.#parts;
    const flushed = await this.#flushed.wait(ms);
    for (const remove of this.#removeBells) remove();
    this.#removeBells = [];
    if (flushed) {
      await store.leave([id], this.#waiter());
      return;
    }
    const lost = [...(this.#unanswered?.settlements ?? [])];
    while (this.#settlements.size > 0) lost.push(...this.#settlements.take().settlements);
    // Redis is away. Should this loop start again, its next number tells Redis that this turn was given up.
    this.#unanswered = undefined;
    this.#endPause?.();
    for (const { item, settlement, asker } of lost) {
      if (asker === undefined) this.#parts.onSettled(item, settlement, false);
      else asker.reject(new ClosedError(source));
    }
  }

  #hasReason(): boolean {
    if (this.#settlements.size > 0 || this.#unanswered) return true;
    return this.#claiming && this.#hungry && (this.#parts.slots.free > 0 || this.#woken);
  }

  #rung(): void {
    this.#armed = false;
    this.#woken = true;
    this.wake();
  }

  async #takeTurn(): Promise<void> {
    this.#inFlight = true;
    const turn = (this.#unanswered ??= this.#prepare());
    try {
      const reply = await this.#parts.store.turn(turn.request);
      this.#backoff.reset();
      if (this.#unanswered === turn) this.#answered(turn, reply);
    } catch (error) {
      await this.#failed(error);
    }
    this.#inFlight = false;
    this.#goOn();
  }

  /** Hands out what has arrived, after the next turn if there is reason for one. */
  #goOn(): void {
    if (this.#arrived.length > 0 && !this.#scheduled && this.#hasReason()) {
      void this.#takeTurn();
      // Sockets are written to at the end of this round of the event loop.
      setImmediate(() => this.#handOut());
    } else {
      this.#handOut();
      this.kick();
    }
  }

  #handOut(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const { claims, sentAt } of arrived) this.#parts.onClaims(claims, sentAt);
    this.#flushed.changed();
  }

  #prepare(): Turn {
    const { id, slots, clock } = this.#parts;
    const { settlements, args } = this.#settlements.take();
    // Asleep and armed: the bell will ring, there is no need to look.
    const want = this.#claiming ? (this.#hungry ? slots.take(claimsPerTurn) : 0) : -1;
    const woken = this.#woken;
    this.#woken = false;
    this.#seq += 1;
    return {
      settlements,
      sentAt: instant(clock),
      request: {
        caller: { id, seq: this.#seq, acked: this.#acked },
        want,
        waiter: this.#waiter(),
        armed: this.#armed,
        woken,
        settlementArgs: args,
      },
    };
  }

  #waiter(): string {
    return `${this.#parts.doorbell.channel} ${this.#parts.id}`;
  }

  #answered({ request, settlements, sentAt }: Turn, reply: TurnReply): void {
    const { slots } = this.#parts;
    this.#unanswered = undefined;
    this.#acked = request.caller.seq;
    this.#parts.onAnswer();
    for (let at = 0; at < settlements.length; at += 1) this.#tell(settlements[at]!, reply.accepted[at]!);
    const { want } = request;
    if (want > 0) {
      const asleep = reply.claims.length < want && !reply.more;
      if (asleep) this.#armed = true;
      // A bell that rang meanwhile tells of later work.
      if (!this.#woken) this.#hungry = this.#claiming && !asleep;
      this.#pollAt = this.#parts.clock.monotonic() + this.#parts.slowPollMs();
    } else if (reply.more) {
      this.#hungry = this.#claiming;
    }
    if (reply.claims.length > 0) this.#arrived.push({ claims: reply.claims, sentAt });
    slots.give(Math.max(want, 0) - reply.claims.length);
    this.#sleep(reply.dueInMs);
  }

  #tell({ item, settlement, asker }: WaitingSettlement, accepted: boolean): void {
    this.#parts.onSettled(item, settlement, accepted);
    asker?.resolve(accepted);
  }

  /** Sleeps until something is due, the slow poll at the latest. */
  #sleep(dueInMs: number | undefined): void {
    this.#sleepNoMore();
    if (!this.#claiming || this.#hungry) return;
    const { clock } = this.#parts;
    const untilPoll = Math.max(this.#pollAt - clock.monotonic(), 0);
    this.#timer = clock.setTimer(
      () => {
        // With no slot free somebody else must be told of what became due.
        this.#woken = true;
        this.wake();
      },
      Math.min(untilPoll, dueInMs ?? Infinity),
    );
  }

  #sleepNoMore(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Reports what the connection does not, and waits before the same turn is tried again. */
  #failed(error: unknown): Promise<void> {
    const { clock, onError, source } = this.#parts;
    if (!isToldElsewhere(error)) onError(error, { source, operation: 'turn' });
    const delayMs = this.#backoff.next();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#endPause = undefined;
        resolve();
      };
      const timer = clock.setTimer(done, delayMs);
      this.#endPause = done;
    });
  }
}
