import {
  assertName,
  compilePattern,
  healthReport,
  type Closeable,
  type CloseOptions,
  type CloseReport,
  type CompiledPattern,
  type HealthReport,
} from '@lockstep/core';
import { Election } from './election.ts';
import { LockEngine } from './engine.ts';
import { closeEngine } from './engine-close.ts';
import { forceReleaseAt } from './forcing.ts';
import { describeLock, inspectAll, type HeldLock, type LockInspection } from './inspection.ts';
import { mutexKeys } from './keys.ts';
import { Latch } from './latch.ts';
import { EngineLockHandle, type LockHandle } from './lock-handle.ts';
import { listLocks } from './lock-list.ts';
import type { LockStats } from './lock-stats.ts';
import { multiLock } from './multi-lock.ts';
import { mutex, mutexPlan } from './mutex.ts';
import {
  assertCloseOptions,
  resolveListOptions,
  resolveLocksOptions,
  type AcquireOptions,
  type ElectionOptions,
  type LatchOptions,
  type ListOptions,
  type LocksOptions,
  type TryAcquireOptions,
} from './options.ts';
import { refuse, tryLease, type Lockable, type LockedWork } from './primitive.ts';
import { ReadWriteLock } from './read-write-lock.ts';
import { reentrantLock } from './reentrant-lock.ts';
import { Semaphore, type SemaphoreOptions } from './semaphore.ts';

/**
 * Makes locks on one connection, or on a quorum of independent masters. Does no I/O.
 *
 * @throws CONFIGURATION
 */
export function createLocks(options: LocksOptions): Locks {
  return new Locks(options);
}

/** Fenced, fair locks; made by {@link createLocks}. Closing releases all that is held through it. */
export class Locks implements Closeable<LockStats> {
  readonly name = 'locks';
  readonly #engine: LockEngine;
  readonly #unregister: (() => void)[];
  readonly #since: number;
  #closing: Promise<CloseReport> | undefined;

  /** Use {@link createLocks}. */
  constructor(options: LocksOptions) {
    const resolved = resolveLocksOptions(options);
    this.#engine = new LockEngine(resolved);
    this.#since = resolved.clock.now();
    const { name } = this;
    // The connection has judged its options, and must not be kept from closing by ours.
    const close = (how?: CloseOptions): Promise<CloseReport> => this.#closeOnce(how);
    this.#unregister = resolved.connections.map((redis) =>
      redis.register({ name, phase: 'ownership', close }),
    );
  }

  /** The mutex of a name: see {@link Lockable.acquire}. */
  async acquire(name: string, options: AcquireOptions = {}): Promise<LockHandle> {
    assertName(name, 'name');
    const lease = await tryLease(this.#engine, mutexPlan(this.#engine, name, options, true));
    return new EngineLockHandle(this.#engine, lease ?? refuse(this.#engine, name));
  }

  /**
   * The mutex of a name, or null when it is busy. Never enters the line. One round trip; two the first time that the
   * mutex is found busy.
   */
  async tryAcquire(name: string, options: TryAcquireOptions = {}): Promise<LockHandle | null> {
    assertName(name, 'name');
    const lease = await tryLease(this.#engine, mutexPlan(this.#engine, name, options, false));
    return lease === undefined ? null : new EngineLockHandle(this.#engine, lease);
  }

  /** Holds the mutex of a name while `work` runs: see {@link Lockable.withLock}. */
  withLock<Result>(
    name: string,
    options: AcquireOptions,
    work: LockedWork<LockHandle, Result>,
  ): Promise<Result> {
    return this.mutex(name).withLock(options, work);
  }

  /** The mutex of a name, to pass around. */
  mutex(name: string): Lockable {
    return mutex(this.#engine, name);
  }

  /**
   * The mutex of a name for an owner that may take it again while it holds it, from any process: the token stays the
   * same, and the last release frees it. Excludes plain mutexes of that name.
   */
  reentrant(name: string, owner: string): Lockable {
    return reentrantLock(this.#engine, name, owner);
  }

  /** Any number of readers or one writer, in the order of their coming: a waiting writer holds later readers back. */
  readWrite(name: string): ReadWriteLock {
    return new ReadWriteLock(this.#engine, name);
  }

  /** At most `permits` at once. */
  semaphore(name: string, options: SemaphoreOptions): Semaphore {
    return new Semaphore(this.#engine, name, options);
  }

  /** Several mutexes, all or none, to pass around. */
  all(names: readonly string[]): Lockable {
    return multiLock(this.#engine, names);
  }

  /** Several mutexes, all or none; any order of the names will do. On Cluster they are taken one by one and given back together. */
  acquireAll(names: readonly string[], options?: AcquireOptions): Promise<LockHandle> {
    return this.all(names).acquire(options);
  }

  /** One leader among those who campaign. Does no I/O. */
  election(name: string, options?: ElectionOptions): Election {
    return new Election(this.#engine, name, options);
  }

  /** Opens once it was counted down `count` times. */
  latch(name: string, count: number, options?: LatchOptions): Latch {
    return new Latch(this.#engine, name, count, options);
  }

  /** Who holds a mutex, and who waits. */
  async inspect(name: string): Promise<LockInspection> {
    assertName(name, 'name');
    const state = await inspectAll(this.#engine.places, ({ lockPrefix }) => mutexKeys(lockPrefix + name));
    return describeLock(name, state, this.#engine.options.codec);
  }

  /**
   * The mutexes held now, from an index, not from a scan. Of other processes, those held for 20 ms at least; locks of
   * other libraries are not in it.
   */
  list(options: ListOptions = {}): AsyncIterable<HeldLock> {
    const { match } = resolveListOptions(options);
    const pattern: CompiledPattern | undefined =
      match === undefined ? undefined : compilePattern(match, 'options.match');
    return listLocks(this.#engine, pattern);
  }

  /**
   * Takes a mutex from whoever holds it: the holder's signal aborts, the next waiter gets a larger token. False when
   * nobody held it.
   */
  async forceRelease(name: string): Promise<boolean> {
    assertName(name, 'name');
    return forceReleaseAt(this.#engine, ({ lockPrefix }) => mutexKeys(lockPrefix + name));
  }

  stats(): Promise<LockStats> {
    return Promise.resolve(this.#engine.stats.snapshot(this.#engine.heldCount));
  }

  /** Whether leases are being renewed, and whether a newer release keeps a lock otherwise. No round trip. */
  health(): Promise<HealthReport> {
    const { renewalsFailing, heldCount } = this.#engine;
    const renewals = renewalsFailing
      ? ({
          status: 'degraded',
          remedy: 'Redis does not answer renewals; leases end at their deadline',
        } as const)
      : ({ status: 'up', remedy: '' } as const);
    const since = this.#since;
    const checks = [
      { name: 'renewals', value: { held: heldCount }, since, ...renewals },
      this.#engine.layouts.check(since),
    ];
    return Promise.resolve(healthReport(checks));
  }

  /**
   * Refuses new requests and those that wait, lets `withLock` work end for `drainMs`, aborts every signal with
   * `ShutdownError`, gives the work `abortMs` to come back, releases all.
   */
  async close(options: CloseOptions = {}): Promise<CloseReport> {
    assertCloseOptions(options);
    return this.#closeOnce(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #closeOnce(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close(options: CloseOptions): Promise<CloseReport> {
    const report = await closeEngine(this.#engine, this.name, options);
    for (const unregister of this.#unregister) unregister();
    return report;
  }
}
