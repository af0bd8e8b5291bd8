import { assertName } from '@lockstep/core';
import type { LockEngine } from './engine.ts';
import type { LockHandle } from './lock-handle.ts';
import { resolveAcquireOptions, type AcquireOptions, type TryAcquireOptions } from './options.ts';
import { PermitClaim } from './permit-claim.ts';
import { inspectPermitsOf, type PermitInspection } from './permit-inspection.ts';
import { EngineLockable, plainHandle, type Lockable, type LockedWork } from './primitive.ts';

/** A writer takes them all: more readers than this wait. */
const permits = 1_000_000_000;

/** One side of a read-write lock: call it to acquire, or use its methods. */
export interface ReadWriteSide extends Lockable {
  (options?: AcquireOptions): Promise<LockHandle>;
}

/**
 * Any number of readers or one writer. Each reader has a lease of its own: one that dies frees its place at its own
 * deadline, however many others go on. All stand in one line, so writers are not starved. Tokens rise with every grant,
 * a reader's too.
 */
export class ReadWriteLock {
  readonly name: string;
  /** Shares the lock with other readers. */
  readonly read: ReadWriteSide;
  /** Has the lock alone. */
  readonly write: ReadWriteSide;
  readonly #engine: LockEngine;

  /** Use `locks.readWrite`. */
  constructor(engine: LockEngine, name: string) {
    assertName(name, 'name');
    this.name = name;
    this.#engine = engine;
    this.read = side(engine, name, 1);
    this.write = side(engine, name, permits);
  }

  /** Who holds it, and who waits. */
  async inspect(): Promise<ReadWriteInspection> {
    const { holders, waiters } = await inspectPermitsOf(this.#engine, this.name, 'read-write');
    const writer = holders.find(({ count }) => count === permits);
    return { writer, readers: writer ? [] : holders, waiters };
  }
}

type Holder = PermitInspection['holders'][number];

export interface ReadWriteInspection {
  readonly writer: Holder | undefined;
  readonly readers: readonly Holder[];
  readonly waiters: PermitInspection['waiters'];
}

function side(engine: LockEngine, name: string, count: number): ReadWriteSide {
  const lockable = new EngineLockable<AcquireOptions, LockHandle>(engine, {
    name,
    handle: plainHandle(engine),
    plan(given, waits) {
      const options = resolveAcquireOptions(waits ? 'acquire' : 'try', given, engine.options);
      const { ttlMs, metadata } = options;
      const { durable } = engine.options;
      const claimFor = (id: string): PermitClaim =>
        new PermitClaim({ name, id, ttlMs, durable, kind: 'read-write', count, permits, metadata });
      return { options, claimFor };
    },
  });
  return Object.assign((options?: AcquireOptions) => lockable.acquire(options), {
    acquire: (options?: AcquireOptions) => lockable.acquire(options),
    tryAcquire: (options?: TryAcquireOptions) => lockable.tryAcquire(options),
    withLock: <Result>(options: AcquireOptions, work: LockedWork<LockHandle, Result>) =>
      lockable.withLock(options, work),
  });
}
