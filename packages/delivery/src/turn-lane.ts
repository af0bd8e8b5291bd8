import {
  BackoffState,
  instant,
  type Clock,
  type ErrorHandler,
  type Instant,
  type Random,
} from '@lockstep/core';
import { isToldElsewhere } from './background-failure.ts';
import type { Lane } from './lanes.ts';
import type { TurnReply } from './scripts/turn.ts';
import type { WaitingSettlement } from './settlement-queue.ts';
import type { Store, TurnRequest } from './store.ts';

/** While Redis is away: capped, so that work goes on within two seconds of its return even if no event tells of it. */
const retries = { type: 'exponential', initialMs: 50, maxMs: 1_000, jitter: 'equal' } as const;

/** A turn on its way: sent as it is until Redis answers. */
export interface Turn {
  readonly settlements: readonly WaitingSettlement[];
  readonly request: TurnRequest;
  /** Before it was sent for the first time. */
  readonly sentAt: Instant;
}

export interface TurnLaneParts {
  /** Names the caller to Redis. */
  readonly id: string;
  readonly source: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: ErrorHandler;
  onAnswered(turn: Turn, reply: TurnReply): void;
  /** It may take another turn: the last one was answered or given up. */
  onFree(): void;
}

/**
 * A numbered caller: one turn in flight at a time. A turn that fails is sent again as it is, under its number, until
 * Redis answers or it is given up; the next number then tells Redis so. See `lua/numbered.ts`.
 */
export class TurnLane {
  readonly id: string;
  readonly #parts: TurnLaneParts;
  readonly #backoff: BackoffState;
  #seq = 0;
  #acked = 0;
  #unanswered: Turn | undefined;
  #busy = false;
  #endPause: (() => void) | undefined;

  constructor(parts: TurnLaneParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#backoff = new BackoffState(retries, { random: parts.random });
  }

  /** Whether a turn is on its way, or waits to be sent again. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether Redis may remember a turn of this caller. */
  get used(): boolean {
    return this.#seq > 0;
  }

  /** Settlements that were sent and not answered. */
  get settling(): number {
    return this.#unanswered?.settlements.length ?? 0;
  }

  /** Sends the turn that `plan` makes for the next number of this caller. */
  take(plan: (caller: Lane) => Omit<Turn, 'sentAt'>): void {
    this.#busy = true;
    this.#seq += 1;
    const { settlements, request } = plan({ id: this.id, seq: this.#seq, acked: this.#acked });
    const turn = { settlements, request, sentAt: instant(this.#parts.clock) };
    this.#unanswered = turn;
    void this.#send(turn);
  }

  /** Sends again at once what waits to be. */
  hurry(): void {
    this.#endPause?.();
  }

  /** Gives up the turn that is on its way, if any, and says which. */
  giveUp(): Turn | undefined {
    const turn = this.#unanswered;
    this.#unanswered = undefined;
    this.#endPause?.();
    return turn;
  }

  async #send(turn: Turn): Promise<void> {
    while (this.#unanswered === turn) {
      try {
        this.#answered(turn, await this.#parts.store.turn(turn.request));
      } catch (error) {
        await this.#failed(error);
      }
    }
    this.#busy = false;
    this.#parts.onFree();
  }

  #answered(turn: Turn, reply: TurnReply): void {
    this.#backoff.reset();
    if (this.#unanswered !== turn) return;
    this.#unanswered = undefined;
    this.#acked = turn.request.caller.seq;
    this.#parts.onAnswered(turn, reply);
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
