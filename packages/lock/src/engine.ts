import {
  ClosedError,
  instant,
  LeaseWatch,
  RedisUnavailableError,
  ShutdownError,
  type Clock,
  type Instant,
} from '@lockstep/core';
import type { ReleaseOutcome } from './answer.ts';
import type { Claim } from './claim.ts';
import type { Grantor } from './grantor.ts';
import { LayoutWatch } from './layout-watch.ts';
import { LeaseState } from './lease-state.ts';
import { LockIndex } from './lock-index.ts';
import { StatsRecorder } from './lock-stats.ts';
import type { ResolvedAcquireOptions, ResolvedLocksOptions } from './options.ts';
import type { Place } from './place.ts';
import { createPlaces } from './place.ts';
import { QuorumGrantor } from './quorum-grantor.ts';
import { Renewals } from './renewals.ts';
import { SingleGrantor } from './single-grantor.ts';
import { within } from './within.ts';

/**
 * Everything that the locks of one `createLocks` share: the leases held, the timer that ends them in time, the timer that
 * renews them, the bells, the counts.
 */
export class LockEngine {
  readonly options: ResolvedLocksOptions;
  readonly places: readonly Place[];
  readonly grantor: Grantor;
  readonly clock: Clock;
  readonly stats = new StatsRecorder();
  readonly index: LockIndex;
  readonly layouts: LayoutWatch;
  readonly #watch: LeaseWatch;
  readonly #renewals: Renewals;
  readonly #held = new Set<LeaseState>();
  /** Those who sleep in line, and how to wake them. */
  readonly #sleepers = new Set<() => void>();
  readonly #cleanups = new Set<Promise<unknown>>();
  readonly #bodies = new Set<Promise<unknown>>();
  readonly #removers: (() => void)[] = [];
  readonly #idPrefix: string;
  #requests = 0;
  #acquisitions = 0;
  #onIdle: (() => void) | undefined;
  #listening = false;
  #hearsForce = false;
  #closed = false;

  constructor(options: ResolvedLocksOptions) {
    this.options = options;
    this.clock = options.clock;
    this.places = createPlaces(options.connections, options.prefix);
    const isClosed = (): boolean => this.#closed;
    this.grantor =
      this.places.length === 1
        ? new SingleGrantor(this.places[0]!, isClosed)
        : new QuorumGrantor({
            places: this.places,
            clock: this.clock,
            isClosed,
            track: (work) => this.#track(work),
          });
    this.index = new LockIndex(this.places, this.clock, options.onError);
    this.layouts = new LayoutWatch(options.logger, () => this.clock.now());
    this.#watch = new LeaseWatch(this.clock);
    this.#renewals = new Renewals({
      clock: this.clock,
      grantor: this.grantor,
      commandTimeoutMs: this.places[0]!.redis.commandTimeoutMs,
      onDue: (due) => this.#watchDue(due),
      onRenewed: (lease) => {
        this.stats.extended += 1;
        this.#watchOver(lease);
        this.#watch.update(lease.validity);
        // A renewal says how long an expiring counter is kept.
        this.#enter(lease, !lease.claim.durable);
      },
      onUnanswered: (lease) => this.#watchOver(lease),
      onLost: (lease) => this.#lost(lease, 'refused'),
      onFailure: (error) => options.onError(error, { source: 'locks', operation: 'renew' }),
      note: (error) => this.layouts.note(error),
    });
    // The connection's id in front: it tells a script whom to ring. The engine's own keeps two engines apart.
    this.#idPrefix = `${this.places[0]!.redis.id}~${options.random.id().slice(0, 8)}`;
    for (const { redis } of this.places) {
      this.#removers.push(
        redis.on('up', () => this.#revalidate()),
        redis.on('failover', () => this.#revalidate()),
        redis.on('gap', () => this.#wakeAll()),
      );
    }
  }

  get heldCount(): number {
    return this.#held.size;
  }

  get renewalsFailing(): boolean {
    return this.#renewals.failing;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** An id that no request ever had. */
  nextId(): string {
    this.#requests += 1;
    return `${this.#idPrefix}~${this.#requests.toString(36)}`;
  }

  assertOpen(): void {
    if (this.#closed) throw new ClosedError('locks');
  }

  /** Calls `ring` when a script rings this request. Of a quorum the first node does: a renewal covers the rest. */
  listen(bell: string, ring: () => void): () => void {
    const { doorbell } = this.places[0]!.redis;
    const unlisten = doorbell.on(bell, ring);
    if (this.#listening) return unlisten;
    this.#listening = true;
    // Whoever entered a line before the process could hear its bell looks again once it can.
    doorbell.ready.then(
      () => this.#wakeAll(),
      () => {},
    );
    return unlisten;
  }

  /** Calls `wake` when everyone in line should look again. Returns the remover. */
  sleeper(wake: () => void): () => void {
    const remove = this.onUpheaval(wake);
    this.stats.waiting += 1;
    return () => {
      remove();
      this.stats.waiting -= 1;
    };
  }

  /** Calls `wake` when messages may be missing, another server answers, or the engine closes. Returns the remover. */
  onUpheaval(wake: () => void): () => void {
    this.#sleepers.add(wake);
    return () => void this.#sleepers.delete(wake);
  }

  acquisitionStarted(): void {
    this.assertOpen();
    this.#acquisitions += 1;
  }

  acquisitionEnded(): void {
    this.#acquisitions -= 1;
    if (this.#acquisitions === 0) this.#onIdle?.();
  }

  /** Takes a granted claim into care. Undefined when its validity has passed by now: then it is given back. */
  hold(
    claim: Claim,
    fencingToken: number,
    sentAt: Instant,
    { autoExtend, maxHoldMs }: ResolvedAcquireOptions,
  ): LeaseState | undefined {
    const { clock } = this;
    const lease = new LeaseState({ claim, clock, fencingToken, sentAt, autoExtend, maxHoldMs });
    if (this.#closed || lease.validity.remainingMs() <= 0) {
      void this.abandon(claim, false);
      return undefined;
    }
    if (!this.#hearsForce) this.#hearForce();
    this.#held.add(lease);
    if (autoExtend) this.#renewals.add(lease);
    else this.#watchOver(lease);
    this.#enter(lease, claim.touches);
    return lease;
  }

  async extend(lease: LeaseState, ttlMs: number): Promise<void> {
    // A step of the wall clock only makes it look over: then Redis decides.
    if (this.#closed || !this.#held.has(lease) || lease.isOver()) lease.validity.assertValid();
    const sentAt = instant(this.clock);
    const era = lease.extending();
    // Redis may shorten it although no reply comes.
    if (ttlMs < lease.validity.remainingMs()) this.#moveDeadline(lease, sentAt, ttlMs, era);
    const timeoutMs = Math.min(this.places[0]!.redis.commandTimeoutMs, ttlMs);
    let failure: Error | undefined;
    const [outcome] = await this.grantor.renew([lease.askFor(ttlMs, true)], timeoutMs, (error) => {
      this.layouts.note(error);
      failure ??= asError(error);
    });
    if (outcome === 'lost') this.#lost(lease, 'refused');
    if (outcome === 'unknown') throw failure ?? noAnswer(lease.claim.name);
    if (!this.#held.has(lease)) lease.validity.assertValid();
    this.stats.extended += 1;
    this.#moveDeadline(lease, sentAt, ttlMs, era);
    lease.validity.assertValid();
  }

  /**
   * The first answer stands. Rejects when Redis cannot be asked while the lease runs, which then ends by itself; one that
   * has run out is `expired`.
   */
  release(lease: LeaseState): Promise<ReleaseOutcome> {
    return (lease.releasing ??= this.#release(lease));
  }

  /** Makes sure, in the background, that a request leaves nothing behind. What fails runs out by itself. */
  abandon(claim: Claim, stood: boolean): Promise<void> {
    const cleanup = this.grantor.abandon(claim, stood).catch((error: unknown) => {
      this.options.logger.debug({ err: error, lock: claim.name }, 'locks: a request could not be withdrawn');
    });
    this.#track(cleanup);
    return cleanup;
  }

  /** Runs work that `close` waits for. */
  async body<Result>(work: () => Promise<Result>): Promise<Result> {
    const running = work();
    this.#bodies.add(running);
    try {
      return await running;
    } finally {
      this.#bodies.delete(running);
    }
  }

  /** Waits for the work under way, at most so long. How much of it ended. */
  async drain(ms: number): Promise<number> {
    const before = this.#bodies.size;
    if (before > 0) await within(this.clock, Promise.allSettled(this.#bodies), ms);
    return before - this.#bodies.size;
  }

  /** No new leases; those who wait are sent away. */
  stopGranting(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  /** Ends every lease's signal with `ShutdownError`. */
  abortAll(): number {
    for (const lease of this.#held) lease.validity.end(new ShutdownError());
    return this.#held.size;
  }

  /** Resolves once no acquisition is under way: its last answer may be a grant that has to be given back. */
  async acquisitionsOver(): Promise<void> {
    if (this.#acquisitions > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** Gives back all that is held and waits for what is being given up. Resolves to what failed. */
  async releaseAll(): Promise<{ released: number; errors: unknown[] }> {
    const settled = await Promise.allSettled([...this.#held].map((lease) => this.release(lease)));
    while (this.#cleanups.size > 0) await Promise.all(this.#cleanups);
    await this.index.flush();
    for (const remove of this.#removers) remove();
    this.#watch.close();
    this.#renewals.close();
    const errors = settled.flatMap((result): unknown[] =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    return { released: settled.length - errors.length, errors };
  }

  /** Looks at what it may reject with; gives the same. */
  noting<T>(work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => this.layouts.note(error));
    return work;
  }

  async #release(lease: LeaseState): Promise<ReleaseOutcome> {
    const isValid = lease.validity.isValid();
    // Before the request is sent: a renewal must not follow it.
    const wasHeld = this.#drop(lease);
    lease.validity.lose('released');
    let outcome: ReleaseOutcome;
    try {
      outcome = await this.grantor.release(lease.claim, isValid);
    } catch (error) {
      this.layouts.note(error);
      if (isValid && !lease.isOver()) {
        // Not an answer: it may be asked for again.
        lease.releasing = undefined;
        throw error;
      }
      // It has run out by itself meanwhile, whatever keeps Redis from saying so.
      outcome = 'expired';
    }
    if (outcome === 'released') this.stats.released += 1;
    else if (wasHeld) this.stats.lost += 1;
    return outcome;
  }

  /**
   * A renewed lease needs no watch before its first renewal is due: most are released by then. After a stall it may be
   * over. After a step of the wall clock it only seems so: then the renewal decides, and is not forestalled.
   */
  #watchDue(due: readonly LeaseState[]): void {
    for (const lease of due) {
      if (lease.isOver()) this.#lost(lease, 'expired');
      else if (lease.validity.untilAbortMs() > 0) this.#watchOver(lease);
    }
  }

  #watchOver(lease: LeaseState): void {
    if (lease.watched) return;
    lease.watched = true;
    this.#watch.add(lease.validity, () => this.#lost(lease, 'expired'));
  }

  /** Whoever takes a lock by force rings its holder's engine. */
  #hearForce(): void {
    this.#hearsForce = true;
    this.#removers.push(this.listen(this.#idPrefix, () => this.#revalidate()));
  }

  #enter(lease: LeaseState, touched: boolean): void {
    for (const name of lease.claim.listed) this.index.enter(name, lease.ttlMs, lease, touched);
  }

  #moveDeadline(lease: LeaseState, sentAt: Instant, ttlMs: number, era: number): void {
    lease.extended(sentAt, ttlMs, era);
    this.#watch.update(lease.validity);
    this.#renewals.update(lease);
    this.#enter(lease, false);
  }

  #lost(lease: LeaseState, reason: 'expired' | 'refused'): void {
    if (!this.#held.has(lease)) return;
    this.#drop(lease);
    lease.validity.lose(reason);
    this.stats.lost += 1;
    // A minority of a quorum may still have it.
    if (this.places.length > 1) void this.abandon(lease.claim, false);
    const { name } = lease.claim;
    const { logger } = this.options;
    // Without renewal an expiry is what was asked for.
    const level = lease.autoExtend ? 'warn' : 'debug';
    logger[level]({ lock: name, fencingToken: lease.fencingToken, reason }, 'locks: a lease was lost');
  }

  /** Whether it was held. */
  #drop(lease: LeaseState): boolean {
    const wasHeld = this.#held.delete(lease);
    for (const name of lease.claim.listed) this.index.leave(name, lease);
    if (lease.watched) this.#watch.delete(lease.validity);
    this.#renewals.delete(lease);
    return wasHeld;
  }

  /** Another server may answer now, or the same one without its data: what we hold is confirmed or given up at once. */
  #revalidate(): void {
    this.#wakeAll();
    this.index.catchUp();
    if (this.#held.size > 0) void this.#renewals.check([...this.#held]);
  }

  #wakeAll(): void {
    for (const wake of [...this.#sleepers]) wake();
  }

  #track(cleanup: Promise<unknown>): void {
    this.#cleanups.add(cleanup);
    void cleanup.finally(() => this.#cleanups.delete(cleanup));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('not an error', { cause: error });
}

function noAnswer(name: string): RedisUnavailableError {
  return new RedisUnavailableError(`extend of ${name}: no reply in time`, {
    reason: 'timeout',
    outcomeUnknown: true,
  });
}
