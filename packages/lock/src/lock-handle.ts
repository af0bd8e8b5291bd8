import type { Lease } from '@lockstep/core';
import type { ReleaseOutcome } from './answer.ts';
import type { LockEngine } from './engine.ts';
import type { LeaseState } from './lease-state.ts';
import { assertTtl } from './options.ts';

/**
 * A lease on a lock, granted. `await using` releases it; disposing of a lease that was lost does not throw.
 *
 * Between two looks at the clock only the fencing token protects the work: hand it to the resource and let that refuse a
 * smaller one.
 */
export interface LockHandle extends Lease {
  /** The id of this grant, or the name of a re-entrant owner. */
  readonly owner: string;
  /**
   * Gives the lock back, in one round trip. `expired` says that it was not ours any more. Called again it gives the
   * first answer.
   *
   * @throws REDIS_UNAVAILABLE when Redis cannot be reached; the lock then runs out by itself. Once it has, the answer is
   * `expired`, whether Redis can be reached or not.
   */
  release(): Promise<ReleaseOutcome>;
}

/** The handle of any lease of an engine. */
export class EngineLockHandle implements LockHandle {
  readonly #engine: LockEngine;
  readonly #lease: LeaseState;

  constructor(engine: LockEngine, lease: LeaseState) {
    this.#engine = engine;
    this.#lease = lease;
  }

  get name(): string {
    return this.#lease.claim.name;
  }

  get owner(): string {
    return this.#lease.claim.owner;
  }

  get fencingToken(): number {
    return this.#lease.fencingToken;
  }

  get expiresAt(): number {
    return this.#lease.validity.expiresAt;
  }

  get signal(): AbortSignal {
    return this.#lease.validity.signal;
  }

  isValid(): boolean {
    return this.#lease.validity.isValid();
  }

  assertValid(): void {
    this.#lease.validity.assertValid();
  }

  async extend(ttlMs: number): Promise<void> {
    assertTtl(ttlMs);
    await this.#engine.extend(this.#lease, ttlMs);
  }

  release(): Promise<ReleaseOutcome> {
    return this.#engine.release(this.#lease);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      // A throw from here would hide the error that left the block; the lease runs out by itself.
      this.#engine.options.onError(error, { source: 'locks', operation: 'release' });
    }
  }
}
