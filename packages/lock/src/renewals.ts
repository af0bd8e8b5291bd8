import { instant, type Clock, type Timer } from '@lockstep/core';
import type { Grantor } from './grantor.ts';
import type { LeaseState } from './lease-state.ts';

interface RenewalParts {
  readonly clock: Clock;
  readonly grantor: Grantor;
  readonly commandTimeoutMs: number;
  /** Told which leases a timer found due, before they are renewed. */
  readonly onDue: (leases: readonly LeaseState[]) => void;
  readonly onRenewed: (lease: LeaseState) => void;
  /** No answer: the lease may still be ours, until it could have run out. */
  readonly onUnanswered: (lease: LeaseState) => void;
  readonly onLost: (lease: LeaseState) => void;
  /** A round without an answer, the first of several. */
  readonly onFailure: (error: unknown) => void;
  /** Told each failure, also where others of the round were answered. */
  readonly note: (error: unknown) => void;
}

/** One lease of a round: what it is renewed for, and which of its extends came before. */
interface Asked {
  readonly lease: LeaseState;
  readonly ttlMs: number;
  readonly era: number;
}

/** A timer is never set for less, so that a lease about to end cannot make it spin. */
const shortestWaitMs = 1;

/**
 * Background renewal of all leases of an engine: one timer, and one call for each round, which takes along every lease
 * that is at least half-way to its turn. A lease leaves at once when it is released; a renewal still under way then
 * finds nothing to renew.
 */
export class Renewals {
  readonly #parts: RenewalParts;
  readonly #leases = new Set<LeaseState>();
  #timer: Timer | undefined;
  #dueAt = Infinity;
  #failing = false;

  constructor(parts: RenewalParts) {
    this.#parts = parts;
  }

  /** Whether the last round got no answer. */
  get failing(): boolean {
    return this.#failing;
  }

  add(lease: LeaseState): void {
    if (this.#leases.size === 0) this.#timer?.keepAlive?.(true);
    this.#leases.add(lease);
    // Mostly an earlier round will do, and no clock has to be looked at.
    if (lease.renewalDueAt < this.#dueAt) this.#armFor(lease.renewalDueMs());
  }

  delete(lease: LeaseState): void {
    if (this.#leases.delete(lease) && this.#leases.size === 0) this.#letGo();
  }

  /** A lease's time to live has changed. */
  update(lease: LeaseState): void {
    if (this.#leases.has(lease)) this.#armFor(lease.renewalDueMs());
  }

  /** Asks Redis about these leases now: renews those that are renewed anyway, looks at the others. */
  async check(leases: readonly LeaseState[]): Promise<void> {
    await this.#round(leases.filter((lease) => !lease.renewing));
  }

  close(): void {
    this.#leases.clear();
    this.#disarm();
  }

  #due(): void {
    this.#disarm();
    const joining = (): LeaseState[] => [...this.#leases].filter((lease) => lease.mayJoinRound());
    this.#parts.onDue(joining());
    const due = joining().filter((lease) => !lease.renewing);
    // Settles when the round has; nothing in it rejects.
    void this.#round(due);
  }

  async #round(leases: readonly LeaseState[]): Promise<void> {
    const { clock, grantor, commandTimeoutMs, note } = this.#parts;
    const asked: Asked[] = [];
    let timeoutMs = commandTimeoutMs;
    for (const lease of leases) {
      const ttlMs = this.#ttlFor(lease);
      if (ttlMs === undefined) continue;
      lease.renewing = true;
      asked.push({ lease, ttlMs, era: lease.era });
      timeoutMs = Math.min(timeoutMs, Math.ceil(lease.ttlMs / 3));
    }
    this.#rearm();
    if (asked.length === 0) return;
    const sentAt = instant(clock);
    const asks = asked.map(({ lease, ttlMs }) => lease.askFor(ttlMs, false));
    let failure: unknown;
    const outcomes = await grantor.renew(asks, timeoutMs, (error) => {
      note(error);
      failure ??= error;
    });
    const unanswered = outcomes.every((outcome) => outcome === 'unknown');
    if (unanswered && !this.#failing && failure !== undefined) this.#parts.onFailure(failure);
    this.#failing = unanswered;
    asked.forEach(({ lease, ttlMs, era }, index) => {
      lease.renewing = false;
      if (outcomes[index] === 'lost') this.#parts.onLost(lease);
      else if (outcomes[index] === 'unknown') this.#unanswered(lease);
      else if (ttlMs > 0) {
        lease.renewed(sentAt, ttlMs, era);
        this.#parts.onRenewed(lease);
      }
    });
    this.#rearm();
  }

  #unanswered(lease: LeaseState): void {
    lease.renewalFailed(instant(this.#parts.clock));
    this.#parts.onUnanswered(lease);
  }

  /** 0 for one that is only looked at; undefined for one that has come to its longest hold. */
  #ttlFor(lease: LeaseState): number | undefined {
    if (!this.#leases.has(lease)) return 0;
    const ttlMs = lease.nextTtlMs();
    if (ttlMs === undefined) this.delete(lease);
    return ttlMs;
  }

  #rearm(): void {
    let next = Infinity;
    for (const lease of this.#leases) if (!lease.renewing) next = Math.min(next, lease.renewalDueMs());
    if (next < Infinity) this.#armFor(next);
  }

  #armFor(delayMs: number): void {
    const { clock } = this.#parts;
    const wait = Math.max(delayMs, shortestWaitMs);
    const dueAt = clock.monotonic() + wait;
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = clock.setTimer(() => this.#due(), wait);
  }

  /** Locks are taken and given back all the time: a timer that finds nothing to do costs less than one for each. */
  #letGo(): void {
    if (this.#timer?.keepAlive === undefined) this.#disarm();
    else this.#timer.keepAlive(false);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueAt = Infinity;
  }
}
