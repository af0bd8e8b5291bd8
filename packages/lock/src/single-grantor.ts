import type { Answer, ReleaseOutcome } from './answer.ts';
import type { Claim, Entrant } from './claim.ts';
import type { Grantor, RenewalAsk, RenewalOutcome } from './grantor.ts';
import { insist } from './insist.ts';
import type { Place } from './place.ts';
import { renewAt, type PlaceReply } from './renewal-batch.ts';

const outcomes: Readonly<Record<PlaceReply, RenewalOutcome>> = {
  renewed: 'renewed',
  missing: 'lost',
  foreign: 'lost',
  unknown: 'unknown',
};

/** Leases of one Redis: a single server, Sentinel's master, or a Cluster. */
export class SingleGrantor implements Grantor {
  readonly hasLine = true;
  readonly #place: Place;
  /** What is still being taken back then is left to run out. */
  readonly #isClosed: () => boolean;

  constructor(place: Place, isClosed: () => boolean) {
    this.#place = place;
    this.#isClosed = isClosed;
  }

  attempt(claim: Claim, entrant: Entrant | undefined): Promise<Answer> {
    // A deadline of its own costs a timer; the connection's costs nothing.
    const timeoutMs = claim.ttlMs < this.#place.redis.commandTimeoutMs ? claim.ttlMs : undefined;
    return claim.acquire(this.#place, { entrant, ttlMs: claim.ttlMs, least: 0, timeoutMs });
  }

  release(claim: Claim, isValid: boolean): Promise<ReleaseOutcome> {
    // A lease is held here once its one request was answered.
    return claim.release(this.#place, isValid, false);
  }

  async abandon(claim: Claim, stood: boolean): Promise<void> {
    const { clock } = this.#place.redis;
    await insist(clock, () => claim.withdraw(this.#place, stood), claim.ttlMs, this.#isClosed);
  }

  async renew(
    asks: readonly RenewalAsk[],
    timeoutMs: number,
    onFailure: (error: unknown) => void,
  ): Promise<RenewalOutcome[]> {
    const replies = await renewAt(this.#place, asks, timeoutMs, onFailure);
    return replies.map((reply) => outcomes[reply]);
  }
}
