import type { Answer, ReleaseOutcome } from './answer.ts';
import type { Claim, Entrant } from './claim.ts';

/** What became of a renewal: `unknown` is not lost, until the lease could have run out. */
export type RenewalOutcome = 'renewed' | 'lost' | 'unknown';

/** One lease to renew: until `ttlMs` from now; 0 only asks whether it is still there. */
export interface RenewalAsk {
  readonly claim: Claim;
  readonly ttlMs: number;
  /** Set the deadline even if it comes nearer: an explicit `extend`. */
  readonly shorten: boolean;
  readonly fencingToken: number;
  /** Whether it is still wanted when the replies are in. */
  isHeld(): boolean;
}

/** Who grants leases: one Redis, or a quorum of masters. */
export interface Grantor {
  /** Whether refused requests may stand in line; a quorum has no line, its callers come again after a random time. */
  readonly hasLine: boolean;
  /**
   * One attempt; stands in line when refused if there is an entrant, who is told before. Rejects with what Redis failed
   * with; the request may then have been granted and must be given back.
   */
  attempt(claim: Claim, entrant: Entrant | undefined): Promise<Answer>;
  /** Gives a granted lease back everywhere. `isValid`: it had not run out by the local clock. */
  release(claim: Claim, isValid: boolean): Promise<ReleaseOutcome>;
  /** Makes sure that a request that was not granted, or whose grant is not wanted, leaves nothing behind. */
  abandon(claim: Claim, stood: boolean): Promise<void>;
  /** One round; outcomes in the order asked. Never rejects; what failed on the way goes to `onFailure`. */
  renew(
    asks: readonly RenewalAsk[],
    timeoutMs: number,
    onFailure: (error: unknown) => void,
  ): Promise<RenewalOutcome[]>;
}
