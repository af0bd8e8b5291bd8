import {
  abortMargin,
  driftAllowance,
  elapsedSince,
  LeaseValidity,
  type Clock,
  type Instant,
} from '@lockstep/core';
import type { ReleaseOutcome } from './answer.ts';
import type { Claim } from './claim.ts';
import type { RenewalAsk } from './grantor.ts';

interface LeaseStateParts {
  readonly claim: Claim;
  readonly clock: Clock;
  readonly fencingToken: number;
  readonly sentAt: Instant;
  readonly autoExtend: boolean;
  readonly maxHoldMs: number;
}

/** How many times a lease is renewed before it would end: the first may fail and there is time for another. */
const renewalsPerTtl = 3;

/** What the engine knows of one lease it was granted. */
export class LeaseState {
  readonly claim: Claim;
  readonly fencingToken: number;
  readonly validity: LeaseValidity;
  readonly autoExtend: boolean;
  /** What a renewal asks for; `extend` changes it. */
  ttlMs: number;
  /** Its deadline has a timer. */
  watched = false;
  /** A renewal is under way. */
  renewing = false;
  /** The first answer to `release`. */
  releasing: Promise<ReleaseOutcome> | undefined;
  readonly #clock: Clock;
  readonly #grantedAt: Instant;
  readonly #maxHoldMs: number;
  #renewedAt: Instant;
  /** When the request was sent that the deadline counts from. */
  #deadlineFrom: Instant;
  #retryInMs = 0;
  /** How many times `extend` was called: what was sent before the last one may be undone by it. */
  #extends = 0;
  #failedAt: Instant | undefined;

  constructor({ claim, clock, fencingToken, sentAt, autoExtend, maxHoldMs }: LeaseStateParts) {
    const { name, ttlMs } = claim;
    this.claim = claim;
    this.fencingToken = fencingToken;
    this.validity = new LeaseValidity(clock, { name, fencingToken, sentAt, ttlMs });
    this.autoExtend = autoExtend;
    this.ttlMs = ttlMs;
    this.#clock = clock;
    this.#maxHoldMs = maxHoldMs;
    this.#grantedAt = sentAt;
    this.#renewedAt = sentAt;
    this.#deadlineFrom = sentAt;
  }

  /** How a renewal is asked for. */
  askFor(ttlMs: number, shorten: boolean): RenewalAsk {
    const { claim, fencingToken } = this;
    return { claim, fencingToken, ttlMs, shorten, isHeld: () => this.validity.isValid() };
  }

  /** What the next background renewal asks for; undefined when `maxHoldMs` leaves nothing to ask for. */
  nextTtlMs(): number | undefined {
    const left = Math.floor(this.#maxHoldMs - elapsedSince(this.#clock, this.#grantedAt));
    const ttlMs = Math.min(this.ttlMs, left);
    return ttlMs >= 1 && ttlMs > this.validity.remainingMs() ? ttlMs : undefined;
  }

  /** Whether its time has run out by the monotonic clock alone, which nobody steps. */
  isOver(): boolean {
    const elapsedMs = this.#clock.monotonic() - this.#deadlineFrom.monotonic;
    return (
      elapsedMs >=
      this.validity.ttlMs - driftAllowance(this.validity.ttlMs) - abortMargin(this.validity.ttlMs)
    );
  }

  /** The moment the first renewal is due by the monotonic clock; costs no look at it. */
  get renewalDueAt(): number {
    return this.#renewedAt.monotonic + this.ttlMs / renewalsPerTtl;
  }

  /** Milliseconds until the next renewal is due; negative when it is late. */
  renewalDueMs(): number {
    const due = this.ttlMs / renewalsPerTtl - elapsedSince(this.#clock, this.#renewedAt);
    if (this.#failedAt === undefined) return due;
    return Math.max(due, this.#retryInMs - elapsedSince(this.#clock, this.#failedAt));
  }

  /** Whether it is far enough into its interval to be renewed along with one that is due: so rounds come together. */
  mayJoinRound(): boolean {
    return this.renewalDueMs() <= this.ttlMs / renewalsPerTtl / 2;
  }

  /** Marks what is sent now, so that its reply can be told from one that an `extend` has overtaken. */
  get era(): number {
    return this.#extends;
  }

  /** An `extend` is sent. Returns its era. */
  extending(): number {
    return ++this.#extends;
  }

  /**
   * A background renewal of that era was granted. It moves the deadline only away: an `extend` may have gone further. One
   * that was sent before an `extend` says nothing: that may have brought the deadline nearer since.
   */
  renewed(sentAt: Instant, ttlMs: number, era: number): void {
    if (era !== this.#extends) return;
    this.#renewedAt = sentAt;
    this.#failedAt = undefined;
    const remainingMs = ttlMs - driftAllowance(ttlMs) - elapsedSince(this.#clock, sentAt);
    if (remainingMs > this.validity.remainingMs()) this.#moveDeadline(sentAt, ttlMs);
  }

  /** An `extend` was sent (then the deadline may have come nearer, whatever the reply) or granted. */
  extended(sentAt: Instant, ttlMs: number, era: number): void {
    if (era !== this.#extends) return;
    this.ttlMs = ttlMs;
    this.#renewedAt = sentAt;
    this.#failedAt = undefined;
    this.#moveDeadline(sentAt, ttlMs);
  }

  renewalFailed(at: Instant): void {
    this.#failedAt = at;
    this.#retryInMs = Math.min(this.ttlMs / 20, 250);
  }

  #moveDeadline(sentAt: Instant, ttlMs: number): void {
    this.#deadlineFrom = sentAt;
    this.validity.renewed(sentAt, ttlMs);
  }
}
