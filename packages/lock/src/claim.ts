import type { Answer, ReleaseOutcome } from './answer.ts';
import type { Place } from './place.ts';
import { fenceRetentionMs, fenceTouchMs, givenUpRetentionMs, nodeDeadline } from './timing.ts';

/** Who waits in line for an answer. */
export interface Entrant {
  /** Called before the request enters a line. */
  onQueue(): void;
}

/** How one attempt is made. */
export interface Ask {
  /** Absent where the request is to be refused rather than stand in line. */
  readonly entrant?: Entrant | undefined;
  /** How long the lease is to last: the claim's own time to live, unless an `extend` has changed it since. */
  readonly ttlMs: number;
  /** The token must not be below this one: a lease that is planted again keeps its order. */
  readonly least: number;
  /** The script does not run later than this after it was sent; default the connection's `commandTimeoutMs`. */
  readonly timeoutMs: number | undefined;
}

/** A lease as the renewal script sees it. */
export interface RenewalItem {
  /** `m` a STRING owner, `r` a hold of a re-entrant owner, `p` a holder of permits. */
  readonly mode: 'm' | 'r' | 'p';
  readonly keys: readonly [primary: string, members: string, fence: string, meta: string];
  readonly member: string;
  readonly owner: string;
}

/** What every claim has, whatever it claims. */
export interface ClaimBase {
  /** As the user knows it. */
  readonly name: string;
  /** The request: unique, used once. */
  readonly id: string;
  readonly ttlMs: number;
  /** The fencing counter never expires. */
  readonly durable: boolean;
}

/**
 * One request for a lease, from the first attempt to the release: which scripts it runs on which keys of a place. Its
 * id is used once: what was given up is refused by Redis afterwards.
 */
export interface Claim extends ClaimBase {
  /** What `inspect` shows as the owner. */
  readonly owner: string;
  /** The mutexes that `list` shows while it is granted. */
  readonly listed: readonly string[];
  /** Its request says again how long the fencing counter is kept. */
  readonly touches: boolean;
  acquire(place: Place, ask: Ask): Promise<Answer>;
  /**
   * Gives a granted lease back. `isValid`: it had not run out by the local clock when this was called. `isOpen`: the
   * place has not answered a request yet, so that a copy of it may still arrive.
   */
  release(place: Place, isValid: boolean, isOpen: boolean): Promise<ReleaseOutcome>;
  /**
   * Takes back whatever the request has or may still get: a grant, a place in the line if it `stood` there. A copy of it
   * that arrives later is refused.
   */
  withdraw(place: Place, stood: boolean): Promise<unknown>;
  renewals(place: Place): readonly RenewalItem[];
  /** How many of `places` masters must grant it. */
  quorum(places: number): number;
}

/** For how long a request is refused after its release: as long as a copy of it, or of its release, may arrive. */
export function releasedRetention({ redis }: Place, { ttlMs }: ClaimBase): number {
  return 2 * Math.max(redis.commandTimeoutMs, nodeDeadline(ttlMs)) + 1_000;
}

/** How long a request that was given up is refused. */
export function givenUpRetention({ ttlMs }: ClaimBase): number {
  return Math.max(ttlMs, givenUpRetentionMs);
}

/** How long the fencing counter is kept; 0 for ever. */
export function fenceKeepMs({ durable }: ClaimBase, ttlMs: number): number {
  return durable ? 0 : ttlMs + fenceRetentionMs + fenceTouchMs;
}

export function majority(places: number): number {
  return Math.floor(places / 2) + 1;
}
