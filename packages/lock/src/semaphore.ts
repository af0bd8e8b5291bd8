import { assertName, ConfigurationError } from '@lockstep/core';
import type { LockEngine } from './engine.ts';
import type { LockHandle } from './lock-handle.ts';
import { assertPermits, resolveAcquireOptions, type AcquireOptions } from './options.ts';
import { PermitClaim } from './permit-claim.ts';
import { inspectPermitsOf, type PermitInspection } from './permit-inspection.ts';
import { EngineLockable, plainHandle, type Lockable, type LockedWork, type Plan } from './primitive.ts';

export interface SemaphoreOptions {
  /**
   * How many permits there are, in the eyes of this process. May differ between processes while a fleet is updated: who
   * comes with fewer waits until fewer are in use, nothing is taken from those who hold, and never are there more
   * holders than the largest number in use allows.
   */
  readonly permits: number;
}

export interface PermitOptions extends AcquireOptions {
  /** How many permits at once, all or none. @defaultValue 1 */
  readonly count?: number | undefined;
}

/** At most so many permits held at once, each under a lease of its own in the server's time. First come, first served. */
export class Semaphore implements Lockable<PermitOptions> {
  readonly name: string;
  readonly #engine: LockEngine;
  readonly #lockable: Lockable<PermitOptions>;
  #permits: number;

  /** Use `locks.semaphore`. */
  constructor(engine: LockEngine, name: string, options: SemaphoreOptions) {
    assertName(name, 'name');
    assertPermits(options);
    this.name = name;
    this.#engine = engine;
    this.#permits = options.permits;
    this.#lockable = new EngineLockable<PermitOptions, LockHandle>(engine, {
      name,
      handle: plainHandle(engine),
      plan: (given, waits) => this.#plan(given, waits),
    });
  }

  get permits(): number {
    return this.#permits;
  }

  /** Changes the number for later calls of this object; permits that are held stay so. */
  setPermits(permits: number): void {
    assertPermits({ permits });
    this.#permits = permits;
  }

  acquire(options?: PermitOptions): Promise<LockHandle> {
    return this.#lockable.acquire(options);
  }

  tryAcquire(options?: Omit<PermitOptions, 'waitMs'>): Promise<LockHandle | null> {
    return this.#lockable.tryAcquire(options);
  }

  withLock<Result>(options: PermitOptions, work: LockedWork<LockHandle, Result>): Promise<Result> {
    return this.#lockable.withLock(options, work);
  }

  /** Who holds permits, and who waits. */
  inspect(): Promise<PermitInspection> {
    return inspectPermitsOf(this.#engine, this.name, 'semaphore');
  }

  #plan(given: PermitOptions, waits: boolean): Plan {
    const { durable } = this.#engine.options;
    const permits = this.#permits;
    const options = resolveAcquireOptions(waits ? 'acquireCount' : 'tryCount', given, this.#engine.options);
    const { ttlMs, metadata, count } = options;
    if (count > permits) {
      throw new ConfigurationError('options.count', `must be at most the permits (${permits})`, count);
    }
    const claimFor = (id: string): PermitClaim =>
      new PermitClaim({ name: this.name, id, ttlMs, durable, kind: 'semaphore', count, permits, metadata });
    return { options, claimFor };
  }
}
