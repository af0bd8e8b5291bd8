import { elapsedSince, instant, isLockstepError, LockTimeoutError, type Instant } from '@lockstep/core';
import type { ReleaseOutcome } from './answer.ts';
import type { Claim } from './claim.ts';
import type { LockEngine } from './engine.ts';
import type { LeaseState } from './lease-state.ts';
import { EngineLockHandle, type LockHandle } from './lock-handle.ts';
import { mutexPlan } from './mutex.ts';
import { resolveAcquireOptions, type AcquireOptions, type ResolvedAcquireOptions } from './options.ts';
import { runLocked, tryLease, type Lockable } from './primitive.ts';
import { raiseToken } from './raise-token.ts';

/** What one attempt to take several locks goes by. */
interface Attempt {
  readonly engine: LockEngine;
  /** Of all together. */
  readonly name: string;
  readonly names: readonly string[];
  readonly given: AcquireOptions;
  readonly options: ResolvedAcquireOptions;
  readonly waits: boolean;
  readonly start: Instant;
}

/**
 * Several mutexes taken one after the other in the order of `names`, for locks that no one script can reach. What was
 * taken is given back when a later one is not granted, so all or none are held; others may see some held meanwhile.
 */
export function sequentialLock(engine: LockEngine, name: string, names: readonly string[]): Lockable {
  const begin = (given: AcquireOptions, waits: boolean): Attempt => {
    const options = resolveAcquireOptions(waits ? 'acquire' : 'try', given, engine.options);
    return { engine, name, names, given, options, waits, start: instant(engine.clock) };
  };
  const acquire = async (given: AcquireOptions = {}): Promise<LockHandle> => {
    const attempt = begin(given, true);
    const lock = await takeAll(attempt);
    if (lock !== null) return lock;
    engine.stats.timeouts += 1;
    throw new LockTimeoutError(name, waitedMs(attempt));
  };
  return {
    acquire,
    tryAcquire: async (given = {}) => takeAll(begin(given, false)),
    withLock: (options, work) => runLocked(engine, () => acquire(options), work),
  };
}

/** All of them, or null when one is busy. Begins again, while there is time, when one ran out before the last was there. */
async function takeAll(attempt: Attempt): Promise<LockHandle | null> {
  const { engine, options } = attempt;
  for (;;) {
    const held: LeaseState[] = [];
    let isKept = false;
    try {
      if (!(await takeEach(attempt, held))) return null;
      const lock = await join(attempt, held);
      isKept = lock.isValid();
      if (isKept) return lock;
    } catch (error) {
      if (isLockstepError(error, 'LOCK_TIMEOUT')) throw new LockTimeoutError(attempt.name, waitedMs(attempt));
      if (!isLockstepError(error, 'LEASE_LOST')) throw error;
    } finally {
      if (!isKept) await giveBack(engine, held);
    }
    if (waitedMs(attempt) >= options.waitMs) return null;
  }
}

/** Puts into `held` what it gets, in order. False as soon as one is busy. */
async function takeEach(attempt: Attempt, held: LeaseState[]): Promise<boolean> {
  const { engine, names, given, options, waits } = attempt;
  for (const name of names) {
    const waitMs = Math.max(0, options.waitMs - waitedMs(attempt));
    const plan = mutexPlan(engine, name, given, waits);
    const claimFor = (id: string): Claim => plan.claimFor(id);
    const lease = await tryLease(engine, { options: { ...options, waitMs }, claimFor });
    if (lease === undefined) return false;
    held.push(lease);
  }
  return true;
}

/** Gives all one token, which must be below the next one of each. */
async function join({ engine, name }: Attempt, held: readonly LeaseState[]): Promise<LockHandle> {
  const fencingToken = Math.max(...held.map((lease) => lease.fencingToken));
  await Promise.all(held.map((lease) => raiseToken(engine.places, lease, fencingToken)));
  return new SeveralLocksHandle(engine, name, held, fencingToken);
}

function waitedMs({ engine, start }: Attempt): number {
  return Math.round(elapsedSince(engine.clock, start));
}

async function giveBack(engine: LockEngine, held: readonly LeaseState[]): Promise<void> {
  const given = await Promise.allSettled([...held].reverse().map((lease) => engine.release(lease)));
  for (const result of given) {
    if (result.status === 'rejected') {
      engine.options.onError(result.reason, { source: 'locks', operation: 'release' });
    }
  }
}

/** Several leases as one: as good as the worst of them. */
class SeveralLocksHandle implements LockHandle {
  readonly name: string;
  readonly fencingToken: number;
  readonly #handles: readonly LockHandle[];
  #signal: AbortSignal | undefined;

  constructor(engine: LockEngine, name: string, leases: readonly LeaseState[], fencingToken: number) {
    this.name = name;
    this.fencingToken = fencingToken;
    this.#handles = leases.map((lease) => new EngineLockHandle(engine, lease));
  }

  get owner(): string {
    return this.#handles[0]!.owner;
  }

  get expiresAt(): number {
    return Math.min(...this.#handles.map(({ expiresAt }) => expiresAt));
  }

  get signal(): AbortSignal {
    return (this.#signal ??= AbortSignal.any(this.#handles.map(({ signal }) => signal)));
  }

  isValid(): boolean {
    return this.#handles.every((handle) => handle.isValid());
  }

  assertValid(): void {
    for (const handle of this.#handles) handle.assertValid();
  }

  async extend(ttlMs: number): Promise<void> {
    const extended = await Promise.allSettled(this.#handles.map((handle) => handle.extend(ttlMs)));
    const failed = extended.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async release(): Promise<ReleaseOutcome> {
    const outcomes = await Promise.all(this.#handles.map((handle) => handle.release()));
    return outcomes.every((outcome) => outcome === 'released') ? 'released' : 'expired';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle[Symbol.asyncDispose]()));
  }
}
