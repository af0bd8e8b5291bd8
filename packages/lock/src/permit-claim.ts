import type { Answer, ReleaseOutcome } from './answer.ts';
import {
  fenceKeepMs,
  givenUpRetention,
  releasedRetention,
  type Ask,
  type Claim,
  type ClaimBase,
  type RenewalItem,
} from './claim.ts';
import { permitKeys, type PermitKeys } from './keys.ts';
import type { Place } from './place.ts';
import { acquirePermits } from './scripts/acquire-permits.ts';
import { releasePermits } from './scripts/release-permits.ts';

export type PermitKind = 'semaphore' | 'read-write';

export interface PermitClaimParts extends ClaimBase {
  readonly kind: PermitKind;
  readonly count: number;
  readonly permits: number;
  readonly metadata: string;
}

/** A claim on some of the permits of a semaphore; a reader takes one of a read-write lock's, a writer all. */
export class PermitClaim implements Claim {
  readonly name: string;
  readonly id: string;
  readonly ttlMs: number;
  readonly durable: boolean;
  readonly #parts: PermitClaimParts;

  constructor(parts: PermitClaimParts) {
    this.name = parts.name;
    this.id = parts.id;
    this.ttlMs = parts.ttlMs;
    this.durable = parts.durable;
    this.#parts = parts;
  }

  get owner(): string {
    return this.id;
  }

  get listed(): readonly string[] {
    return [];
  }

  /** Every request says it. */
  get touches(): boolean {
    return true;
  }

  acquire(place: Place, { entrant, least, timeoutMs, ttlMs }: Ask): Promise<Answer> {
    entrant?.onQueue();
    const { count, permits, metadata } = this.#parts;
    const args = {
      request: this.id,
      channel: entrant ? place.redis.doorbell.channel : '',
      count,
      permits,
      ttl_ms: ttlMs,
      metadata,
      least,
      keep_ms: fenceKeepMs(this, ttlMs),
      touch: '1',
      exact: place.exact,
    };
    return place.redis.run(acquirePermits, this.#keysAt(place), args, { timeoutMs });
  }

  release(place: Place): Promise<ReleaseOutcome> {
    return this.#release(place, '', releasedRetention(place, this));
  }

  withdraw(place: Place, stood: boolean): Promise<unknown> {
    return this.#release(place, stood ? place.redis.doorbell.channel : '', givenUpRetention(this));
  }

  renewals(place: Place): RenewalItem[] {
    const { holders, extras, fence, meta } = this.#keysAt(place);
    return [{ mode: 'p', keys: [holders, extras, fence, meta], member: this.id, owner: this.id }];
  }

  /**
   * With `q` votes for each holder there are at most `floor(places * permits / q)`; this is the least `q` that keeps
   * them within the permits. A read-write lock needs a majority: a writer's meets each reader's.
   */
  quorum(places: number): number {
    const { kind, permits } = this.#parts;
    const shared = kind === 'read-write' ? 1 : permits;
    return Math.floor((places * shared) / (shared + 1)) + 1;
  }

  #release(place: Place, channel: string, refuseMs: number): Promise<ReleaseOutcome> {
    return place.redis.run(releasePermits, this.#keysAt(place), {
      request: this.id,
      channel,
      refuse_ms: refuseMs,
      exact: place.exact,
    });
  }

  #keysAt(place: Place): PermitKeys {
    return permitKeys(place.lockPrefix + this.name, this.#parts.kind);
  }
}
