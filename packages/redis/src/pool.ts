import {
  abortReason,
  ClosedError,
  healthReport,
  PoolExhaustedError,
  type Clock,
  type Closeable,
  type CloseOptions,
  type CloseReport,
  type HealthReport,
  type LockstepError,
  type Random,
  type Timer,
} from '@lockstep/core';
import type { PooledClient } from './client.ts';
import type { ClientLink } from './driver.ts';
import { translateError } from './error-translation.ts';
import { LatencyWindow, type Quantiles } from './latency-window.ts';
import type { ResolvedPoolLimits } from './pool-options.ts';

export interface AcquireOptions {
  /** Stops waiting; nothing of the attempt is left behind. */
  readonly signal?: AbortSignal | undefined;
  /** What the connection is for: named in stats, and in the error when it never comes. */
  readonly purpose?: string | undefined;
}

/** A connection on loan. `await using` gives it back. */
export interface PooledConnection extends AsyncDisposable {
  /** The borrower's own: WATCH, MULTI and blocking commands harm nobody. Do not SELECT another database on it. */
  readonly client: PooledClient;
  /**
   * Gives it back. The next borrower has it once it has answered UNWATCH, so that nothing of this one is left on it.
   * With `broken` it is closed instead. Idempotent.
   */
  release(options?: { readonly broken?: boolean | undefined }): Promise<void>;
}

/** What a pool is doing. */
export interface PoolStats {
  readonly size: number;
  readonly idle: number;
  readonly borrowed: number;
  readonly waiting: number;
  /** How long the latest borrowers waited, in milliseconds. */
  readonly waitMs: Quantiles;
  readonly created: number;
  /** Closed because they were broken, idle for long, or given back as broken. */
  readonly closed: number;
  readonly borrowers: readonly { readonly purpose: string | undefined; readonly heldMs: number }[];
  readonly waiters: readonly { readonly purpose: string | undefined; readonly waitedMs: number }[];
}

/**
 * opening -> idle or borrowed -> cleaning -> idle or borrowed ... -> gone. `gone` is final and comes from anywhere: the
 * connection failed, was lost, was idle for too long, or the pool closed.
 */
type MemberState = 'opening' | 'idle' | 'borrowed' | 'cleaning' | 'gone';

interface Member {
  readonly link: ClientLink;
  state: MemberState;
  purpose: string | undefined;
  since: number;
  idleTimer: Timer | undefined;
}

interface Waiter {
  readonly purpose: string | undefined;
  readonly since: number;
  grant(connection: PooledConnection): void;
  refuse(error: Error): void;
}

export interface PoolParts {
  readonly name: string;
  readonly limits: ResolvedPoolLimits;
  readonly createLink: () => ClientLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly address: string;
  /** How long a connection that is given back may take to answer. */
  readonly cleanTimeoutMs: number;
  /** Called once it is closed. */
  readonly onClosed: () => Promise<void>;
}

const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** Connections that callers borrow one at a time, in the order they asked. Made by `createPool`. */
export class Pool implements Closeable<PoolStats> {
  readonly name: string;
  readonly #parts: PoolParts;
  readonly #members = new Set<Member>();
  /** The one used last is lent first, so that the others grow old enough to be closed. */
  readonly #idle: Member[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #waits = new LatencyWindow();
  #created = 0;
  #closed = 0;
  #failure: unknown;
  #pauseMs = firstPauseMs;
  #retry: Timer | undefined;
  #closing: Promise<CloseReport> | undefined;
  #onEmptied: (() => void) | undefined;

  /** Use `createPool`. */
  constructor(parts: PoolParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  /**
   * Borrows a connection. Waits in line when all are taken, at most `acquireTimeoutMs`.
   *
   * @throws POOL_EXHAUSTED when none came free in time; REDIS_UNAVAILABLE or REDIS_ACCESS when none could be opened;
   * CLOSED; the signal's reason when it aborts.
   */
  acquire(options: AcquireOptions = {}): Promise<PooledConnection> {
    const { signal, purpose } = options;
    if (this.#closing) return Promise.reject(new ClosedError(`pool ${this.name}`));
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    // Whoever waits is served before anything becomes idle, so nobody is overtaken.
    const member = this.#takeIdle();
    if (member === undefined) return this.#wait(purpose, signal);
    this.#waits.record(0);
    return Promise.resolve(this.#lend(member, purpose));
  }

  stats(): Promise<PoolStats> {
    const now = this.#parts.clock.monotonic();
    const borrowed = this.#inState('borrowed');
    return Promise.resolve({
      size: this.#members.size,
      idle: this.#idle.length,
      borrowed: borrowed.length,
      waiting: this.#waiters.size,
      waitMs: this.#waits.quantiles(),
      created: this.#created,
      closed: this.#closed,
      borrowers: borrowed.map(({ purpose, since }) => ({ purpose, heldMs: now - since })),
      waiters: [...this.#waiters].map(({ purpose, since }) => ({ purpose, waitedMs: now - since })),
    });
  }

  /** Whether connections can be opened, and whether callers wait for one. */
  health(): Promise<HealthReport> {
    const since = this.#parts.clock.now();
    const failing = this.#failure !== undefined;
    const down = failing && this.#members.size === 0;
    return Promise.resolve(
      healthReport([
        {
          name: 'connections',
          status: down ? 'down' : failing ? 'degraded' : 'up',
          value: this.#members.size,
          since,
          remedy: failing ? `no connection could be opened: ${this.#translated().message}` : '',
        },
        {
          name: 'waiting',
          status: this.#waiters.size > 0 ? 'degraded' : 'up',
          value: this.#waiters.size,
          thresholds: { max: this.#parts.limits.max },
          since,
          remedy: this.#waiters.size > 0 ? 'raise max, or hold connections for a shorter time' : '',
        },
      ]),
    );
  }

  /** Refuses new borrowers, waits `drainMs` for what is borrowed, then closes it under its borrowers. Idempotent. */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(options.drainMs ?? 10_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #wait(purpose: string | undefined, signal: AbortSignal | undefined): Promise<PooledConnection> {
    const { clock, limits } = this.#parts;
    return new Promise((resolve, reject) => {
      const since = clock.monotonic();
      const settle = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', aborted);
        this.#waiters.delete(waiter);
        this.#waits.record(clock.monotonic() - since);
      };
      const waiter: Waiter = {
        purpose,
        since,
        grant: (connection) => {
          settle();
          resolve(connection);
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      const aborted = (): void => waiter.refuse(abortReason(signal!));
      const timer = clock.setTimer(() => waiter.refuse(this.#exhausted(purpose)), limits.acquireTimeoutMs);
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiters.add(waiter);
      this.#grow();
    });
  }

  #exhausted(purpose: string | undefined): LockstepError {
    if (this.#failure !== undefined && this.#members.size === 0) return this.#translated();
    return new PoolExhaustedError({
      pool: this.name,
      size: this.#members.size,
      waiting: this.#waiters.size,
      waitedMs: this.#parts.limits.acquireTimeoutMs,
      purpose,
    });
  }

  #translated(): LockstepError {
    return translateError(this.#failure, { what: `pool ${this.name}`, address: this.#parts.address });
  }

  /** Opens what the waiters need and the limits allow. Connections that are about to come free count as theirs. */
  #grow(): void {
    if (this.#closing || this.#retry) return;
    const { min, max } = this.#parts.limits;
    let coming = this.#inState('opening', 'cleaning').length;
    while (this.#members.size < max && (coming < this.#waiters.size || this.#members.size < min)) {
      this.#open();
      coming += 1;
    }
  }

  #open(): void {
    const link = this.#parts.createLink();
    const member: Member = {
      link,
      state: 'opening',
      purpose: undefined,
      since: this.#parts.clock.monotonic(),
      idleTimer: undefined,
    };
    this.#members.add(member);
    link
      .open(() => this.#drop(member))
      .then(
        () => {
          this.#created += 1;
          this.#failure = undefined;
          this.#pauseMs = firstPauseMs;
          this.#free(member);
        },
        (error: unknown) => this.#openFailed(member, error),
      );
  }

  #openFailed(member: Member, error: unknown): void {
    this.#members.delete(member);
    member.state = 'gone';
    this.#failure = error;
    if (this.#closing) return this.#noteEmptied();
    if (this.#retry || this.#waiters.size === 0) return;
    const { clock, random } = this.#parts;
    this.#retry = clock.setTimer(
      () => {
        this.#retry = undefined;
        this.#grow();
      },
      this.#pauseMs * (0.5 + random.next() / 2),
    );
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  /** Lends it to whoever waits longest, or keeps it for the next. */
  #free(member: Member): void {
    if (member.state === 'gone') return;
    if (this.#closing || !member.link.isReady()) return this.#drop(member);
    const [waiter] = this.#waiters;
    if (waiter !== undefined) return waiter.grant(this.#lend(member, waiter.purpose));
    const { clock, limits } = this.#parts;
    member.state = 'idle';
    this.#idle.push(member);
    member.idleTimer = clock.setTimer(() => this.#shrink(member), limits.idleTimeoutMs, { unref: true });
  }

  #takeIdle(): Member | undefined {
    for (let member = this.#idle.pop(); member !== undefined; member = this.#idle.pop()) {
      member.idleTimer?.cancel();
      if (member.link.isReady()) return member;
      this.#drop(member);
    }
    return undefined;
  }

  #lend(member: Member, purpose: string | undefined): PooledConnection {
    member.state = 'borrowed';
    member.purpose = purpose;
    member.since = this.#parts.clock.monotonic();
    let returned: Promise<void> | undefined;
    const release = (options: { readonly broken?: boolean | undefined } = {}): Promise<void> =>
      (returned ??= this.#takeBack(member, options.broken ?? false));
    return { client: member.link.client, release, [Symbol.asyncDispose]: () => release() };
  }

  async #takeBack(member: Member, broken: boolean): Promise<void> {
    if (member.state !== 'borrowed') return;
    if (broken || !member.link.isReady()) return this.#drop(member);
    member.state = 'cleaning';
    if (await this.#clean(member)) this.#free(member);
    else this.#drop(member);
  }

  #clean(member: Member): Promise<boolean> {
    const { clock, cleanTimeoutMs } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.setTimer(() => resolve(false), cleanTimeoutMs);
      member.link
        .clean()
        .then(resolve, () => resolve(false))
        .finally(() => timer.cancel());
    });
  }

  #shrink(member: Member): void {
    if (member.state === 'idle' && this.#members.size > this.#parts.limits.min) this.#drop(member);
  }

  #drop(member: Member): void {
    if (member.state === 'gone') return;
    // While it opens its own failure is told by open().
    if (member.state !== 'opening') this.#closed += 1;
    member.state = 'gone';
    member.idleTimer?.cancel();
    this.#members.delete(member);
    const at = this.#idle.indexOf(member);
    if (at !== -1) this.#idle.splice(at, 1);
    member.link.close();
    this.#noteEmptied();
    this.#grow();
  }

  async #close(drainMs: number): Promise<CloseReport> {
    this.#retry?.cancel();
    for (const waiter of [...this.#waiters]) waiter.refuse(new ClosedError(`pool ${this.name}`));
    for (const member of [...this.#idle]) this.#drop(member);
    const open = this.#members.size;
    await this.#emptied(drainMs);
    const left = [...this.#members];
    for (const member of left) this.#drop(member);
    await this.#parts.onClosed();
    return {
      name: `pool ${this.name}`,
      finished: open - left.length,
      returned: 0,
      aborted: left.length,
      errors: [],
    };
  }

  #emptied(drainMs: number): Promise<void> {
    if (this.#members.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#parts.clock.setTimer(resolve, drainMs);
      this.#onEmptied = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #noteEmptied(): void {
    if (this.#closing && this.#members.size === 0) this.#onEmptied?.();
  }

  #inState(...states: MemberState[]): Member[] {
    return [...this.#members].filter(({ state }) => states.includes(state));
  }
}
