import type { Answer, ReleaseOutcome } from './answer.ts';
import {
  fenceKeepMs,
  givenUpRetention,
  majority,
  releasedRetention,
  type Ask,
  type Claim,
  type ClaimBase,
  type RenewalItem,
} from './claim.ts';
import { mutexKeys, type MutexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { acquireReentrant } from './scripts/acquire-reentrant.ts';
import { releaseReentrant } from './scripts/release-reentrant.ts';

export interface ReentrantClaimParts extends ClaimBase {
  readonly owner: string;
  readonly metadata: string;
}

/** A claim on the mutex of a name by an owner who may hold it several times. */
export class ReentrantClaim implements Claim {
  readonly name: string;
  readonly id: string;
  readonly ttlMs: number;
  readonly durable: boolean;
  readonly owner: string;
  readonly #metadata: string;

  constructor({ name, id, ttlMs, durable, owner, metadata }: ReentrantClaimParts) {
    this.name = name;
    this.id = id;
    this.ttlMs = ttlMs;
    this.durable = durable;
    this.owner = owner;
    this.#metadata = metadata;
  }

  get listed(): readonly string[] {
    return [this.name];
  }

  /** Every request says it. */
  get touches(): boolean {
    return true;
  }

  acquire(place: Place, { entrant, least, timeoutMs, ttlMs }: Ask): Promise<Answer> {
    entrant?.onQueue();
    const args = {
      request: this.id,
      owner: this.owner,
      channel: entrant ? place.redis.doorbell.channel : '',
      ttl_ms: ttlMs,
      metadata: this.#metadata,
      least,
      keep_ms: fenceKeepMs(this, ttlMs),
      touch: '1',
      exact: place.exact,
    };
    return place.redis.run(acquireReentrant, this.#keysAt(place), args, { timeoutMs });
  }

  release(place: Place): Promise<ReleaseOutcome> {
    return this.#release(place, '', releasedRetention(place, this));
  }

  withdraw(place: Place, stood: boolean): Promise<unknown> {
    return this.#release(place, stood ? place.redis.doorbell.channel : '', givenUpRetention(this));
  }

  renewals(place: Place): RenewalItem[] {
    const { lock, holds, fence, meta } = this.#keysAt(place);
    return [{ mode: 'r', keys: [lock, holds, fence, meta], member: this.id, owner: this.owner }];
  }

  quorum(places: number): number {
    return majority(places);
  }

  #release(place: Place, channel: string, refuseMs: number): Promise<ReleaseOutcome> {
    return place.redis.run(releaseReentrant, this.#keysAt(place), {
      request: this.id,
      owner: this.owner,
      channel,
      refuse_ms: refuseMs,
      exact: place.exact,
    });
  }

  #keysAt(place: Place): MutexKeys {
    return mutexKeys(place.lockPrefix + this.name);
  }
}
