import { elapsedSince, instant, LockTimeoutError } from '@lockstep/core';
import type { ReleaseOutcome } from './answer.ts';
import type { Claim } from './claim.ts';
import type { LockEngine } from './engine.ts';
import type { LeaseState } from './lease-state.ts';
import { EngineLockHandle, type LockHandle } from './lock-handle.ts';
import { mutexPlan } from './mutex.ts';
import { resolveAcquireOptions, type AcquireOptions } from './options.ts';
import { runLocked, tryLease, type Lockable } from './primitive.ts';
import { raiseToken } from './raise-token.ts';

/**
 * Several mutexes taken one after the other in the order of `names`, for locks that no one script can reach. What was
 * taken is given back when a later one is not granted, so all or none are held; others may see some held meanwhile.
 */
export function sequentialLock(engine: LockEngine, name: string, names: readonly string[]): Lockable {
  const take = async (given: AcquireOptions, waits: boolean): Promise<LockHandle | null> => {
    return takeAll(engine, name, names, given, waits);
  };
  const acquire = async (options: AcquireOptions = {}): Promise<LockHandle> => {
    const lock = await take(options, true);
    if (lock === null) throw new LockTimeoutError(name, options.waitMs ?? 0);
    return lock;
  };
  return {
    acquire,
    tryAcquire: (options = {}) => take(options, false),
    withLock: (options, work) => runLocked(engine, () => acquire(options), work),
  };
}

async function takeAll(
  engine: LockEngine,
  name: string,
  names: readonly string[],
  given: AcquireOptions,
  waits: boolean,
): Promise<LockHandle | null> {
  const options = resolveAcquireOptions(waits ? 'acquire' : 'try', given, engine.options);
  const start = instant(engine.clock);
  const held: LeaseState[] = [];
  try {
    for (const one of names) {
      const waitMs = Math.max(0, Math.floor(options.waitMs - elapsedSince(engine.clock, start)));
      const plan = mutexPlan(engine, one, given, waits);
      const claimFor = (id: string): Claim => plan.claimFor(id);
      const lease = await tryLease(engine, { options: { ...options, waitMs }, claimFor });
      if (lease === undefined) {
        await giveBack(engine, held);
        return null;
      }
      held.push(lease);
    }
    const fencingToken = Math.max(...held.map((lease) => lease.fencingToken));
    // The token of all must be below the next one of each.
    await Promise.all(held.map((lease) => raiseToken(engine.places, lease, fencingToken)));
    return new SeveralLocksHandle(engine, name, held, fencingToken);
  } catch (error) {
    await giveBack(engine, held);
    throw error;
  }
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
