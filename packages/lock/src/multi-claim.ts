import { scriptCall } from '@lockstep/redis';
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
import { acquireAll } from './scripts/acquire-all.ts';
import { releaseMutex } from './scripts/release-mutex.ts';

export interface MultiClaimParts extends ClaimBase {
  /** Sorted. */
  readonly names: readonly string[];
  readonly metadata: string;
}

/** A claim on several mutexes at once, by one owner with one token. */
export class MultiClaim implements Claim {
  readonly name: string;
  readonly id: string;
  readonly ttlMs: number;
  readonly durable: boolean;
  readonly #names: readonly string[];
  readonly #metadata: string;

  constructor({ name, id, ttlMs, durable, names, metadata }: MultiClaimParts) {
    this.name = name;
    this.id = id;
    this.ttlMs = ttlMs;
    this.durable = durable;
    this.#names = names;
    this.#metadata = metadata;
  }

  get owner(): string {
    return this.id;
  }

  get listed(): readonly string[] {
    return this.#names;
  }

  /** Every request says it. */
  get touches(): boolean {
    return true;
  }

  acquire(place: Place, { entrant, least, timeoutMs, ttlMs }: Ask): Promise<Answer> {
    entrant?.onQueue();
    const args = {
      owner: this.id,
      channel: entrant ? place.redis.doorbell.channel : '',
      ttl_ms: ttlMs,
      metadata: this.#metadata,
      least,
      keep_ms: fenceKeepMs(this, ttlMs),
      exact: place.exact,
    };
    const restKeys = this.#locks(place).flatMap(({ lock, fence, waiters, alive, gone, meta }) => {
      return [lock, fence, waiters, alive, gone, meta];
    });
    return place.redis.run(acquireAll, {}, args, { timeoutMs, restKeys });
  }

  release(place: Place): Promise<ReleaseOutcome> {
    return this.#release(place, '', releasedRetention(place, this));
  }

  withdraw(place: Place, stood: boolean): Promise<unknown> {
    return this.#release(place, stood ? place.redis.doorbell.channel : '', givenUpRetention(this));
  }

  renewals(place: Place): RenewalItem[] {
    return this.#locks(place).map(({ lock, holds, fence, meta }) => {
      return { mode: 'm', keys: [lock, holds, fence, meta], member: this.id, owner: this.id };
    });
  }

  quorum(places: number): number {
    return majority(places);
  }

  async #release(place: Place, channel: string, refuseMs: number): Promise<ReleaseOutcome> {
    const args = { owner: this.id, channel, announce: '', refuse_ms: refuseMs, exact: place.exact };
    const calls = this.#locks(place).map((keys) => scriptCall(releaseMutex, keys, args));
    const settled = await place.redis.runAll(calls);
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const released = settled.every((result) => result.status === 'fulfilled' && result.value === 'released');
    return released ? 'released' : 'expired';
  }

  #locks(place: Place): MutexKeys[] {
    return this.#names.map((name) => mutexKeys(place.lockPrefix + name));
  }
}
