import type { RunOptions } from '@lockstep/redis';
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
import { electionChannel, electionKeys, mutexKeys, type MutexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { acquireMutex } from './scripts/acquire-mutex.ts';
import { freeMutex } from './scripts/free-mutex.ts';
import { releaseMutex } from './scripts/release-mutex.ts';
import { takeMutex } from './scripts/take-mutex.ts';
import { Sending } from './sending.ts';

/** What the claims of one acquisition have in common. */
export interface MutexClaimParts extends Omit<ClaimBase, 'id'> {
  /** Encoded, or empty. */
  readonly metadata: string;
  /** Say again how long the fencing counter is kept. */
  readonly touch: boolean;
  /** The leadership of an election rather than the mutex of this name. */
  readonly election: boolean;
}

/** A claim on a lock of one owner: the mutex, and the leadership of an election. */
export class MutexClaim implements Claim {
  readonly name: string;
  readonly id: string;
  readonly ttlMs: number;
  readonly durable: boolean;
  readonly listed: readonly string[];
  readonly #parts: MutexClaimParts;
  readonly #keys: MutexKeys[] = [];
  /** Places where a copy of this request may still arrive. */
  #uncertain: Set<Place> | undefined;
  /** Given back, or given up: what is still to be sent for it is not. */
  #isOver = false;

  constructor(id: string, parts: MutexClaimParts) {
    this.name = parts.name;
    this.id = id;
    this.ttlMs = parts.ttlMs;
    this.durable = parts.durable;
    this.listed = parts.election ? [] : [parts.name];
    this.#parts = parts;
  }

  get owner(): string {
    return this.id;
  }

  get touches(): boolean {
    return this.#parts.touch;
  }

  acquire(place: Place, ask: Ask): Promise<Answer> {
    if (place.resends) this.#mayArrive(place);
    if (!this.#isPlain || ask.least > 0 || place.crowded.has(this.name)) return this.#acquire(place, ask);
    const args = {
      owner: this.id,
      ttl_ms: ask.ttlMs,
      keep_ms: fenceKeepMs(this, ask.ttlMs),
      touch: this.#parts.touch ? '1' : '0',
    };
    const taking = place.redis.run(takeMutex, this.#keysAt(place), args, this.#run(place, ask));
    return taking.then((fencingToken) => {
      if (fencingToken > 0) return { kind: 'granted', fencingToken, settled: false };
      place.crowded.add(this.name);
      return this.#isOver ? { kind: 'gone' } : this.#acquire(place, ask);
    });
  }

  async release(place: Place, isValid: boolean, isOpen: boolean): Promise<ReleaseOutcome> {
    this.#isOver = true;
    const uncertain = isOpen || (this.#uncertain?.has(place) ?? false);
    const sending = new Sending(undefined);
    const outcome =
      this.#isPlain && !uncertain
        ? await place.redis.run(
            freeMutex,
            this.#keysAt(place),
            { owner: this.id, exact: place.exact },
            sending,
          )
        : await this.#release(place, '', uncertain ? releasedRetention(place, this) : 0, sending);
    // A first try whose reply was lost has released it: a lease that still ran was not taken by anyone else.
    return outcome === 'expired' && sending.isUncertain && isValid ? 'released' : outcome;
  }

  withdraw(place: Place, stood: boolean): Promise<unknown> {
    this.#isOver = true;
    return this.#release(place, stood ? place.redis.doorbell.channel : '', givenUpRetention(this), undefined);
  }

  renewals(place: Place): RenewalItem[] {
    const { lock, holds, fence, meta } = this.#keysAt(place);
    return [{ mode: 'm', keys: [lock, holds, fence, meta], member: this.id, owner: this.id }];
  }

  quorum(places: number): number {
    return majority(places);
  }

  get #isPlain(): boolean {
    return this.#parts.metadata === '' && !this.#parts.election;
  }

  #acquire(place: Place, ask: Ask): Promise<Answer> {
    const { metadata, touch } = this.#parts;
    ask.entrant?.onQueue();
    const args = {
      owner: this.id,
      channel: ask.entrant ? place.redis.doorbell.channel : '',
      ttl_ms: ask.ttlMs,
      metadata,
      announce: this.#announce(place),
      least: ask.least,
      keep_ms: fenceKeepMs(this, ask.ttlMs),
      touch: touch ? '1' : '0',
      exact: place.exact,
    };
    return place.redis.run(acquireMutex, this.#keysAt(place), args, this.#run(place, ask));
  }

  #release(
    place: Place,
    channel: string,
    refuseMs: number,
    options: RunOptions | undefined,
  ): Promise<ReleaseOutcome> {
    const args = {
      owner: this.id,
      channel,
      announce: this.#announce(place),
      refuse_ms: refuseMs,
      exact: place.exact,
    };
    return place.redis.run(releaseMutex, this.#keysAt(place), args, options);
  }

  #run(place: Place, { timeoutMs }: Ask): RunOptions {
    return new Sending(timeoutMs, () => this.#mayArrive(place));
  }

  #mayArrive(place: Place): void {
    this.#uncertain ??= new Set();
    this.#uncertain.add(place);
  }

  #announce(place: Place): string {
    return this.#parts.election ? electionChannel(place.lockPrefix + this.name) : '';
  }

  #keysAt(place: Place): MutexKeys {
    const known = this.#keys[place.index];
    if (known) return known;
    const lock = place.lockPrefix + this.name;
    return (this.#keys[place.index] = this.#parts.election ? electionKeys(lock) : mutexKeys(lock));
  }
}
