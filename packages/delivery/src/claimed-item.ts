import { isLockstepError, LeaseLostError, LeaseValidity, type Clock, type Instant } from '@lockstep/core';
import type { Delivery, Note } from './delivery.ts';
import type { Priority, Settlement } from './item.ts';
import { assertVisibility } from './options.ts';
import { parseRecord, parseState } from './record.ts';
import type { Claim } from './scripts/turn.ts';

/** What carries out the wishes of a delivery: a consumer's loop, or the receiver. */
export interface LeaseHolder {
  /** Resolves to whether the lease was held. */
  settle(item: ClaimedItem, settlement: Settlement): Promise<boolean>;
  extend(item: ClaimedItem, ttlMs: number): Promise<void>;
  save(item: ClaimedItem, note: Note, value: string): Promise<boolean>;
  load(item: ClaimedItem, note: Note): Promise<string | undefined>;
}

export interface ClaimContext {
  readonly clock: Clock;
  /** `queue emails`. */
  readonly source: string;
  readonly partition: number;
  /** Before the call that claimed it was sent for the first time. */
  readonly sentAt: Instant;
  /** The length of the lease unless the item has its own. */
  readonly visibilityMs: number;
  /** `visibilityMs` holds whatever the item says. */
  readonly forced: boolean;
  readonly holder: LeaseHolder;
}

/** A claimed item in this process. */
export class ClaimedItem implements Delivery {
  readonly id: string;
  readonly body: string;
  readonly priority: Priority;
  readonly partition: number;
  readonly enqueuedAt: number;
  readonly deliveries: number;
  readonly attempts: number;
  readonly fencingToken: number;
  readonly validity: LeaseValidity;
  /** When a renewal that Redis granted was last sent, by the monotonic clock. */
  renewedAt: number;
  readonly #source: string;
  readonly #holder: LeaseHolder;
  readonly #firstClaim: boolean;
  #noted = false;
  #settled = false;
  /** Of what kind a settlement was that may have been carried out although no reply came. */
  #unanswered: Settlement['type'] | 'several' | undefined;

  constructor({ id, record, state }: Claim, context: ClaimContext) {
    const { body, priority, enqueuedAt, visibilityMs: own } = parseRecord(record);
    this.#firstClaim = !state.includes(' ');
    const lease = this.#firstClaim ? { token: Number(state), deliveries: 1, attempts: 0 } : parseState(state);
    this.id = id;
    this.body = body;
    this.priority = priority;
    this.partition = context.partition;
    this.enqueuedAt = enqueuedAt;
    this.deliveries = lease.deliveries;
    this.attempts = lease.attempts;
    this.fencingToken = lease.token;
    this.renewedAt = context.sentAt.monotonic;
    this.#source = context.source;
    this.#holder = context.holder;
    this.validity = new LeaseValidity(context.clock, {
      name: id,
      fencingToken: lease.token,
      sentAt: context.sentAt,
      ttlMs: context.forced ? context.visibilityMs : (own ?? context.visibilityMs),
    });
  }

  get name(): string {
    return `${this.#source} ${this.id}`;
  }

  get visibilityMs(): number {
    return this.validity.ttlMs;
  }

  get expiresAt(): number {
    return this.validity.expiresAt;
  }

  get signal(): AbortSignal {
    return this.validity.signal;
  }

  /** Whether nothing is stored of it but record and state. */
  get fresh(): boolean {
    return this.#firstClaim && !this.#noted;
  }

  get settled(): boolean {
    return this.#settled;
  }

  isValid(): boolean {
    return !this.#settled && this.validity.isValid();
  }

  assertValid(): void {
    if (this.#settled) throw this.lost('released');
    this.validity.assertValid();
  }

  async extend(ttlMs: number): Promise<void> {
    assertVisibility('ttlMs', ttlMs);
    if (this.#settled) throw this.lost('released');
    await this.#holder.extend(this, ttlMs);
  }

  async settle(settlement: Settlement): Promise<void> {
    if (!this.claimSettlement()) throw this.lost('released');
    const held = await this.#trySettling(settlement);
    // Before its time is up nothing but our own settlement ends a lease: a repeated one is refused because it was done.
    const done = this.#unanswered === settlement.type && this.validity.remainingMs() > 0;
    if (!held && !done) throw this.lost('refused');
  }

  async save(note: Note, value: string): Promise<void> {
    if (this.#settled) throw this.lost('released');
    // Set before the call: it may take effect although its reply is lost.
    this.#noted = true;
    if (await this.#holder.save(this, note, value)) return;
    this.validity.lose('refused');
    throw this.lost('refused');
  }

  load(note: Note): Promise<string | undefined> {
    return this.#holder.load(this, note);
  }

  abort(reason: Error): void {
    this.validity.end(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.claimSettlement()) return;
    // A lease that is not ours any more needs no release.
    await this.#trySettling({ type: 'release' });
  }

  /** A settlement that failed may be tried again: Redis refuses the second one of two that arrive. */
  async #trySettling(settlement: Settlement): Promise<boolean> {
    try {
      return await this.#holder.settle(this, settlement);
    } catch (error) {
      // Closed, there is nobody who would send it.
      this.#settled = isLockstepError(error, 'CLOSED');
      if (isLockstepError(error, 'REDIS_UNAVAILABLE') && error.outcomeUnknown)
        this.#noteUnanswered(settlement);
      throw error;
    }
  }

  #noteUnanswered({ type }: Settlement): void {
    const before = this.#unanswered ?? type;
    this.#unanswered = before === type ? type : 'several';
  }

  /** Whether the caller may settle it: true once. */
  claimSettlement(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    return true;
  }

  lost(reason: 'refused' | 'released'): LeaseLostError {
    return new LeaseLostError({ lease: this.name, fencingToken: this.fencingToken, reason });
  }
}
