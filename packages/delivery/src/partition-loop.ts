import {
  ClosedError,
  type Clock,
  type ErrorHandler,
  type Instant,
  type Random,
  type Timer,
} from '@lockstep/core';
import type { Doorbell } from '@lockstep/redis';
import { cancelBell } from './cancel-bell.ts';
import type { ClaimedItem } from './claimed-item.ts';
import { Condition } from './condition.ts';
import type { Settlement } from './item.ts';
import type { Lane } from './lanes.ts';
import type { Claim, TurnReply } from './scripts/turn.ts';
import { SettlementQueue, type Asker, type WaitingSettlement } from './settlement-queue.ts';
import type { Slots } from './slots.ts';
import type { Store } from './store.ts';
import { TurnLane, type Turn } from './turn-lane.ts';

/** Bounds the script and its reply. */
const claimsPerTurn = 500;

interface Arrival {
  readonly claims: readonly Claim[];
  readonly sentAt: Instant;
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
 * One partition of a consumer. Takes turns with Redis, each of which carries what was settled since the last one and asks
 * for as many items as there are free slots. Asleep when Redis had fewer; woken by its bell, by the moment the next
 * thing is due, by the slow poll, or when the connection tells that a bell may have been missed.
 *
 * Two callers take these turns, each with one in flight. The main one is alone as long as Redis has less than was asked
 * for. While there is plenty, each asks for half of the slots: Redis works on the turn of one while the handlers here
 * work on what the other has brought.
 */
export class PartitionLoop {
  readonly #parts: LoopParts;
  readonly #main: TurnLane;
  readonly #second: TurnLane;
  readonly #flushed: Condition;
  readonly #settlements = new SettlementQueue();
  #claiming = false;
  /** There may be work that was not claimed. */
  #hungry = false;
  /** The last turn brought all that it had asked for. */
  #plenty = false;
  /** A bell rang that the next turn answers, and has to pass on if it leaves work behind. */
  #woken = false;
  #armed = false;
  /** What was claimed and is not handed out yet. */
  #arrived: Arrival[] = [];
  #scheduled = false;
  #timer: Timer | undefined;
  #pollAt = 0;
  #removeBells: (() => void)[] = [];

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#main = this.#createLane(parts.id);
    this.#second = this.#createLane(`${parts.id}~`);
    this.#flushed = new Condition(
      parts.clock,
      () =>
        !this.#main.busy && !this.#second.busy && this.#settlements.size === 0 && this.#arrived.length === 0,
    );
  }

  get settling(): number {
    return this.#settlements.size + this.#main.settling + this.#second.settling;
  }

  start(): void {
    const { doorbell, id, onCancelled } = this.#parts;
    this.#claiming = true;
    for (const remove of this.#removeBells) remove();
    this.#removeBells = [
      doorbell.on(id, () => this.#rung()),
      ...this.#lanes.map((lane) => doorbell.on(cancelBell(lane.id), onCancelled)),
    ];
    // What was rung before the channel was heard is found by looking again.
    doorbell.ready.then(() => this.wake()).catch(() => {});
    this.wake();
  }

  /** Claims no more. Settlements still go out. */
  stopClaiming(): void {
    this.#claiming = false;
    this.#hungry = false;
    this.#sleepNoMore();
    for (const lane of this.#lanes) lane.hurry();
  }

  /** There may be something to claim: a message may have been missed, or Redis is back. */
  wake(): void {
    if (this.#claiming) this.#hungry = true;
    for (const lane of this.#lanes) lane.hurry();
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
    if (this.#scheduled || this.#nextLane() === undefined) return;
    this.#scheduled = true;
    setImmediate(this.#onTick);
  }

  readonly #onTick = (): void => {
    this.#scheduled = false;
    this.#takeTurn();
  };

  /** Waits until everything settled was answered, `ms` at most, then leaves. What is unanswered by then fails. */
  async finish(ms: number): Promise<void> {
    const { store } = this.#parts;
    const flushed = await this.#flushed.wait(ms);
    for (const remove of this.#removeBells) remove();
    this.#removeBells = [];
    if (flushed) {
      const callers = this.#lanes.filter((lane) => lane.used);
      await store.leave(
        callers.map(({ id }) => id),
        this.#waiter(),
      );
    } else {
      this.#giveUp();
    }
  }

  get #lanes(): readonly TurnLane[] {
    return [this.#main, this.#second];
  }

  #createLane(id: string): TurnLane {
    const { source, store, clock, random, onError } = this.#parts;
    return new TurnLane({
      id,
      source,
      store,
      clock,
      random,
      onError,
      onAnswered: (turn, reply) => this.#answered(turn, reply),
      onFree: () => this.#goOn(),
    });
  }

  /** Redis is away. Should this loop start again, the next number of each caller tells Redis what was given up. */
  #giveUp(): void {
    const lost: WaitingSettlement[] = [];
    for (const lane of this.#lanes) {
      const turn = lane.giveUp();
      if (turn === undefined) continue;
      lost.push(...turn.settlements);
      this.#parts.slots.give(Math.max(turn.request.want, 0));
    }
    while (this.#settlements.size > 0) lost.push(...this.#settlements.take().settlements);
    for (const { item, settlement, asker } of lost) {
      if (asker === undefined) this.#parts.onSettled(item, settlement, false);
      else asker.reject(new ClosedError(this.#parts.source));
    }
  }

  /** Who takes a turn now, if there is reason for one. */
  #nextLane(): TurnLane | undefined {
    if (!this.#main.busy) return this.#hasReason() ? this.#main : undefined;
    return !this.#second.busy && this.#hasReasonForSecond() ? this.#second : undefined;
  }

  #hasReason(): boolean {
    if (this.#settlements.size > 0) return true;
    return this.#claiming && this.#hungry && (this.#parts.slots.free > 0 || this.#woken);
  }

  /** Only for as much as the main caller would ask for: smaller turns would cost Redis more than they save here. */
  #hasReasonForSecond(): boolean {
    const { slots } = this.#parts;
    return this.#claiming && this.#hungry && slots.free >= slots.half;
  }

  #rung(): void {
    this.#armed = false;
    this.#woken = true;
    this.wake();
  }

  /** One at a time: of two that are sent together Redis writes both replies together, and works while we wait. */
  #takeTurn(): void {
    const lane = this.#nextLane();
    lane?.take((caller) => this.#plan(caller, lane === this.#main));
  }

  /** Hands out what has arrived, after the next turn if there is reason for one. */
  #goOn(): void {
    if (this.#arrived.length > 0 && !this.#scheduled && this.#nextLane() !== undefined) {
      this.#takeTurn();
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

  /** Only the main caller's turns leave a bell behind: it is the one that goes to sleep. */
  #plan(caller: Lane, isMain: boolean): Omit<Turn, 'sentAt'> {
    const { settlements, args } = this.#settlements.take();
    const woken = this.#woken;
    this.#woken = false;
    return {
      settlements,
      request: {
        caller,
        want: this.#claiming ? this.#takeSlots() : -1,
        waiter: isMain ? this.#waiter() : '',
        armed: isMain && this.#armed,
        woken,
        settlementArgs: args,
      },
    };
  }

  #takeSlots(): number {
    const { slots } = this.#parts;
    // Asleep and armed: the bell will ring, there is no need to look.
    if (!this.#hungry) return 0;
    return slots.take(this.#plenty ? Math.min(slots.half, claimsPerTurn) : claimsPerTurn);
  }

  #waiter(): string {
    return `${this.#parts.doorbell.channel} ${this.#parts.id}`;
  }

  #answered({ request, settlements, sentAt }: Turn, reply: TurnReply): void {
    const { slots } = this.#parts;
    const { want } = request;
    this.#parts.onAnswer();
    for (let at = 0; at < settlements.length; at += 1) this.#tell(settlements[at]!, reply.accepted[at]!);
    if (want > 0) this.#found(reply, request.waiter !== '', reply.claims.length < want);
    else if (reply.more) this.#hungry = this.#claiming;
    if (reply.claims.length > 0) this.#arrived.push({ claims: reply.claims, sentAt });
    slots.give(Math.max(want, 0) - reply.claims.length);
    this.#sleep(reply.dueInMs);
  }

  #found({ more }: TurnReply, isMain: boolean, tooFew: boolean): void {
    this.#plenty = !tooFew;
    // Without a bell the second caller cannot sleep: that it found nothing is for the main one to see.
    if (!isMain) return;
    const asleep = tooFew && !more;
    if (asleep) this.#armed = true;
    // A bell that rang meanwhile tells of later work.
    if (!this.#woken) this.#hungry = this.#claiming && !asleep;
    this.#pollAt = this.#parts.clock.monotonic() + this.#parts.slowPollMs();
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
}
