import { abortReason, assertName } from '@lockstep/core';
import type { ReleaseOutcome } from './answer.ts';
import type { LockEngine } from './engine.ts';
import { forceReleaseAt } from './forcing.ts';
import { describeLock, inspectAll } from './inspection.ts';
import { electionChannel, electionKeys, type MutexKeys } from './keys.ts';
import { watchLeader } from './leader-watch.ts';
import type { LockHandle } from './lock-handle.ts';
import { MutexClaim } from './mutex-claim.ts';
import {
  resolveAcquireOptions,
  resolveElectionOptions,
  type AcquireOptions,
  type ElectionOptions,
} from './options.ts';
import type { Place } from './place.ts';
import { EngineLockable, plainHandle, runLocked, type Lockable, type LockedWork } from './primitive.ts';

/** How a candidate runs: the time to live and the metadata are the election's. */
export type CampaignOptions = Omit<AcquireOptions, 'ttlMs' | 'metadata'>;

/** Who leads. */
export interface Leader {
  /** The id of the grant: the `owner` of the leader's lease. */
  readonly owner: string;
  /** Larger than that of every earlier leader. */
  readonly fencingToken: number;
  readonly electedAt: number;
  readonly metadata: unknown;
}

/**
 * One leader at a time among all who campaign, first come first served. Leadership is a lease: it ends just before its
 * deadline when Redis cannot be reached, and its token fences what the leader writes.
 */
export class Election implements Lockable<CampaignOptions> {
  readonly name: string;
  readonly #engine: LockEngine;
  readonly #lockable: Lockable<CampaignOptions>;
  #leadership: LockHandle | undefined;

  /** Use `locks.election`. */
  constructor(engine: LockEngine, name: string, options: ElectionOptions = {}) {
    assertName(name, 'name');
    const { ttlMs, metadata } = resolveElectionOptions(options);
    this.name = name;
    this.#engine = engine;
    this.#lockable = new EngineLockable<CampaignOptions, LockHandle>(engine, {
      name,
      handle: plainHandle(engine),
      plan(given, waits) {
        const asked = { ...given, ttlMs, metadata };
        const resolved = resolveAcquireOptions(waits ? 'acquire' : 'try', asked, engine.options, Infinity);
        const { durable } = engine.options;
        const parts = { name, ttlMs, durable, metadata: resolved.metadata, touch: true, election: true };
        const claimFor = (id: string): MutexClaim => new MutexClaim(id, parts);
        return { options: resolved, claimFor };
      },
    });
  }

  /** The lease of this candidate while it leads. */
  get leadership(): LockHandle | undefined {
    return this.#leadership?.isValid() ? this.#leadership : undefined;
  }

  /**
   * Stands for election and resolves once this candidate leads. Waits for ever unless `waitMs` or `signal` say
   * otherwise. The lease is renewed until `resign()`, its release or its loss.
   */
  async campaign(options?: CampaignOptions): Promise<LockHandle> {
    this.#leadership = await this.#lockable.acquire(options);
    return this.#leadership;
  }

  /** As `campaign`. */
  acquire(options?: CampaignOptions): Promise<LockHandle> {
    return this.campaign(options);
  }

  /** Leads if nobody does and nobody stands in line; null otherwise. */
  async tryAcquire(options?: Omit<CampaignOptions, 'waitMs'>): Promise<LockHandle | null> {
    const leadership = await this.#lockable.tryAcquire(options);
    if (leadership) this.#leadership = leadership;
    return leadership;
  }

  /** Campaigns, runs `work` while leading, resigns. Meanwhile `leadership` is the lease, and `resign()` ends it. */
  withLock<Result>(options: CampaignOptions, work: LockedWork<LockHandle, Result>): Promise<Result> {
    return runLocked(this.#engine, () => this.campaign(options), work);
  }

  /** Gives leadership up; the next candidate leads. `expired` when this one did not lead any more. */
  async resign(): Promise<ReleaseOutcome> {
    const leadership = this.#leadership;
    this.#leadership = undefined;
    return leadership === undefined ? 'expired' : leadership.release();
  }

  /** Who leads now, on Redis's word. */
  async leader(): Promise<Leader | undefined> {
    const state = await inspectAll(this.#engine.places, (place) => this.#keysAt(place));
    const lock = describeLock(this.name, state, this.#engine.options.codec);
    if (!lock.held || lock.fencingToken === undefined) return undefined;
    const { owner, fencingToken, acquiredAt: electedAt = 0, metadata } = lock;
    return { owner, fencingToken, electedAt, metadata };
  }

  /**
   * The leader now and after each change; undefined while there is none. Only the latest is kept for a slow reader, so
   * a short reign may be skipped. Ends when the signal aborts, the loop is left, or the locks are closed.
   */
  async *observe(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Leader | undefined> {
    const { signal } = options;
    if (signal?.aborted) throw abortReason(signal);
    yield* watchLeader({
      engine: this.#engine,
      channelAt: ({ lockPrefix }) => electionChannel(lockPrefix + this.name),
      read: () => this.leader(),
      signal,
    });
  }

  /** Takes leadership from whoever has it. False when nobody led. */
  forceResign(): Promise<boolean> {
    return forceReleaseAt(
      this.#engine,
      (place) => this.#keysAt(place),
      ({ lockPrefix }) => electionChannel(lockPrefix + this.name),
    );
  }

  #keysAt({ lockPrefix }: Place): MutexKeys {
    return electionKeys(lockPrefix + this.name);
  }
}
