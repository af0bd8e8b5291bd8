import { elapsedSince, type Clock, type Instant } from './clock.ts';
import { LeaseLostError } from './errors.ts';

/**
 * Time-bounded ownership of a resource. Only the fencing token protects the work between two looks at the lease: pass
 * it to the resource and let that refuse a smaller one.
 */
export interface Lease extends AsyncDisposable {
  readonly name: string;
  /** Larger than that of every earlier holder. */
  readonly fencingToken: number;
  /** When the lease ends by the local wall clock, drift allowance taken off. */
  readonly expiresAt: number;
  /** Aborts with `LeaseLostError` just before the deadline, or as soon as the loss is known. */
  readonly signal: AbortSignal;
  /** Reads the clock: false the moment the deadline has passed, whatever timers did. */
  isValid(): boolean;
  /** Throws `LeaseLostError` when the lease is not valid. */
  assertValid(): void;
  /** Sets the deadline to `ttlMs` from now. Rejects with `LeaseLostError` if the lease is not ours any more. */
  extend(ttlMs: number): Promise<void>;
}

/** What clocks may drift apart while a lease runs: 1 % of its length and 2 ms. */
export function driftAllowance(ttlMs: number): number {
  return ttlMs * 0.01 + 2;
}

/** How long before its deadline a lease's signal aborts, so that a holder stops while it still owns. */
export function abortMargin(ttlMs: number): number {
  return Math.min(25, ttlMs / 10);
}

/**
 * The local view of a lease: valid or lost, judged by the clock. Renewal moves the deadline, which counts from *before*
 * the request was sent. The signal costs nothing until someone asks for it.
 */
export class LeaseValidity {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #fencingToken: number;
  #start: Instant;
  #ttlMs: number;
  #ended: LossReason | undefined;
  /** Made when someone asks: most leases end by a release whose error nobody looks at, and a stack is costly. */
  #loss: LeaseLostError | undefined;
  #abortReason: Error | undefined;
  #controller: AbortController | undefined;

  constructor(clock: Clock, lease: { name: string; fencingToken: number; sentAt: Instant; ttlMs: number }) {
    this.#clock = clock;
    this.#name = lease.name;
    this.#fencingToken = lease.fencingToken;
    this.#start = lease.sentAt;
    this.#ttlMs = lease.ttlMs;
  }

  get ttlMs(): number {
    return this.#ttlMs;
  }

  get expiresAt(): number {
    return this.#start.wall + this.#ttlMs - driftAllowance(this.#ttlMs);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended && !this.#controller.signal.aborted) this.#controller.abort(this.#reason());
    return this.#controller.signal;
  }

  /** Milliseconds until the lease ends; zero or less when it has. */
  remainingMs(): number {
    return this.#ttlMs - driftAllowance(this.#ttlMs) - elapsedSince(this.#clock, this.#start);
  }

  /** Milliseconds until the signal is due to abort. */
  untilAbortMs(): number {
    return this.remainingMs() - abortMargin(this.#ttlMs);
  }

  /** The moment the signal is due to abort by the monotonic clock alone; costs no look at a clock. */
  get abortDueAt(): number {
    return this.#start.monotonic + this.#ttlMs - driftAllowance(this.#ttlMs) - abortMargin(this.#ttlMs);
  }

  isValid(): boolean {
    return this.#ended === undefined && this.remainingMs() > 0;
  }

  assertValid(): void {
    if (!this.isValid()) throw this.#error();
  }

  /** A renewal was granted: the deadline now counts from `sentAt`. A lease already lost stays lost. */
  renewed(sentAt: Instant, ttlMs: number): void {
    if (this.#ended) return;
    this.#start = sentAt;
    this.#ttlMs = ttlMs;
  }

  /** Ends the lease locally and aborts the signal, once; the first reason stands. */
  lose(reason: LossReason): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#controller?.abort(this.#reason());
  }

  /** Ends the lease with another reason for the signal, such as `ShutdownError` or `TaskTimeoutError`. */
  end(reason: Error): void {
    if (this.#ended) return;
    if (reason instanceof LeaseLostError) this.#loss = reason;
    else this.#abortReason = reason;
    this.#ended = this.#loss?.reason ?? 'released';
    this.#controller?.abort(reason);
  }

  #reason(): Error {
    return this.#abortReason ?? this.#error();
  }

  #error(): LeaseLostError {
    const lost = { lease: this.#name, fencingToken: this.#fencingToken, reason: this.#ended ?? 'expired' };
    if (this.#ended === undefined) return new LeaseLostError(lost);
    return (this.#loss ??= new LeaseLostError(lost));
  }
}

type LossReason = LeaseLostError['reason'];
