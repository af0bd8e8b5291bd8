import { LockTimeoutError } from '@lockstep/core';
import { Acquisition } from './acquisition.ts';
import type { Claim } from './claim.ts';
import type { LockEngine } from './engine.ts';
import type { LeaseState } from './lease-state.ts';
import { EngineLockHandle, type LockHandle } from './lock-handle.ts';
import type { AcquireOptions, ResolvedAcquireOptions, TryAcquireOptions } from './options.ts';

/** What runs while a lock is held. Its signal aborts when the lock is lost or the process shuts down. */
export type LockedWork<Handle, Result> = (lock: Handle) => Promise<Result> | Result;

/** The three ways to take a lock; every primitive offers them. */
export interface Lockable<Options extends TryAcquireOptions = AcquireOptions, Handle = LockHandle> {
  /**
   * Waits in line for up to `waitMs`. One round trip when it is free; one more the first time that it is found busy.
   *
   * @throws LOCK_TIMEOUT busy for all of `waitMs`; REDIS_UNAVAILABLE; CONFIGURATION; CLOSED; the signal's reason.
   */
  acquire(options?: Options): Promise<Handle>;
  /** As `acquire` without waiting, or a place in the line; null when it is busy. */
  tryAcquire(options?: Omit<Options, 'waitMs'>): Promise<Handle | null>;
  /**
   * Acquires, runs `work`, releases. Gives what `work` returned, or throws what it threw. That the lease was lost
   * meanwhile is told by its signal, `isValid()` and `stats()`, not by throwing the result away.
   */
  withLock<Result>(options: Options, work: LockedWork<Handle, Result>): Promise<Result>;
}

/** Options of one call, validated, and what makes its claims. */
export interface Plan {
  readonly options: ResolvedAcquireOptions;
  /** Makes the claim of a request id. A request that was given up is never used again, so there may be several. */
  claimFor(id: string): Claim;
}

/** The parts of a primitive that differ: how options become claims, and a lease a handle. */
export interface LockableParts<Options, Handle> {
  readonly name: string;
  plan(options: Options, waits: boolean): Plan;
  handle(lease: LeaseState): Handle;
}

export class EngineLockable<Options extends TryAcquireOptions, Handle extends LockHandle> implements Lockable<
  Options,
  Handle
> {
  readonly #engine: LockEngine;
  readonly #parts: LockableParts<Options, Handle>;

  constructor(engine: LockEngine, parts: LockableParts<Options, Handle>) {
    this.#engine = engine;
    this.#parts = parts;
  }

  async acquire(options: Options = {} as Options): Promise<Handle> {
    const plan = this.#parts.plan(options, true);
    return this.#parts.handle(await takeLease(this.#engine, this.#parts.name, plan));
  }

  async tryAcquire(options: Omit<Options, 'waitMs'> = {} as Omit<Options, 'waitMs'>): Promise<Handle | null> {
    const lease = await tryLease(this.#engine, this.#parts.plan(options as Options, false));
    return lease === undefined ? null : this.#parts.handle(lease);
  }

  withLock<Result>(options: Options, work: LockedWork<Handle, Result>): Promise<Result> {
    return runLocked(this.#engine, () => this.acquire(options), work);
  }
}

/** The lease, or undefined when it is busy. */
export function tryLease(engine: LockEngine, plan: Plan): Promise<LeaseState | undefined> {
  return new Acquisition(engine, plan).run();
}

/** The lease; `LockTimeoutError` when it is busy and the plan does not wait. */
export async function takeLease(engine: LockEngine, name: string, plan: Plan): Promise<LeaseState> {
  return (await tryLease(engine, plan)) ?? refuse(engine, name);
}

/** It is busy and the plan does not wait. */
export function refuse(engine: LockEngine, name: string): never {
  engine.stats.timeouts += 1;
  throw new LockTimeoutError(name, 0);
}

/** The handle of a primitive that has no more to say than any lock. */
export function plainHandle(engine: LockEngine): (lease: LeaseState) => LockHandle {
  return (lease) => new EngineLockHandle(engine, lease);
}

/** Acquires, runs `work` so that `close` waits for it, releases whatever came of it. */
export async function runLocked<Handle extends LockHandle, Result>(
  engine: LockEngine,
  acquire: () => Promise<Handle>,
  work: LockedWork<Handle, Result>,
): Promise<Result> {
  const lock = await acquire();
  try {
    return await engine.body(async () => work(lock));
  } finally {
    await lock[Symbol.asyncDispose]();
  }
}
