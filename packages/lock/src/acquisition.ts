import {
  abortable,
  abortReason,
  elapsedSince,
  instant,
  isLockstepError,
  LockTimeoutError,
  type Instant,
  type RedisUnavailableError,
} from '@lockstep/core';
import type { Answer } from './answer.ts';
import type { Claim, Entrant } from './claim.ts';
import type { LockEngine } from './engine.ts';
import { LeaseState } from './lease-state.ts';
import type { Plan } from './primitive.ts';
import { graceMs, lookoutMs, lookoutPositions, patienceMs, staggerMs } from './timing.ts';
import { Waiter } from './waiter.ts';
import { within } from './within.ts';

/** Between two attempts that Redis could not answer; `up` ends it early. */
const outagePauseMs = 250;

/** A re-check comes this much after the time that it is for. */
const slackMs = 5;

/** A loser of a quorum comes again after a random time, this on average; it doubles with each loss, up to the longest. */
const firstBackoffMs = 15;
const longestBackoffMs = 250;

/**
 * One acquisition, from its first attempt to a lease or to nothing. It keeps one request for as long as that stands in
 * line and makes a new one when a request is used up.
 */
export class Acquisition implements Entrant {
  readonly #engine: LockEngine;
  readonly #plan: Plan;
  readonly #startedAt: Instant;
  #claim: Claim;
  #waits: Waiter | undefined;
  #unlisten: (() => void) | undefined;
  /** Redis may know of the request: something has to be taken back when it is given up. */
  #open = false;
  /** Why Redis did not answer the last attempt. */
  #outage: RedisUnavailableError | undefined;
  #losses = 0;
  /** Nobody waits for an answer any more. */
  #isOver = false;

  constructor(engine: LockEngine, plan: Plan) {
    this.#engine = engine;
    this.#plan = plan;
    this.#startedAt = instant(engine.clock);
    this.#claim = plan.claimFor(engine.nextId());
  }

  /** The lease, or undefined when it is busy and `waitMs` is 0. */
  async run(): Promise<LeaseState | undefined> {
    const { signal, waitMs } = this.#plan.options;
    if (signal?.aborted) throw abortReason(signal);
    this.#engine.acquisitionStarted();
    signal?.addEventListener('abort', this.#waiter.wake, { once: true });
    try {
      const first = await this.#attempt(this.#startedAt);
      if (first instanceof LeaseState) return first;
      if (this.#outage === undefined) this.#engine.stats.contended += 1;
      if (waitMs > 0) return await this.#wait(first);
      // A grant that came while closing was given back: not busy, but over.
      this.#engine.assertOpen();
      return undefined;
    } catch (error) {
      if (this.#open) void this.#engine.abandon(this.#claim, this.#queues);
      throw error;
    } finally {
      signal?.removeEventListener('abort', this.#waiter.wake);
      this.#isOver = true;
      this.#unlisten?.();
      this.#engine.acquisitionEnded();
    }
  }

  /** Most acquisitions are granted at once. */
  get #waiter(): Waiter {
    return (this.#waits ??= new Waiter(this.#engine.clock));
  }

  get #queues(): boolean {
    return this.#plan.options.waitMs > 0 && this.#engine.grantor.hasLine;
  }

  get #waitedMs(): number {
    return elapsedSince(this.#engine.clock, this.#startedAt);
  }

  /** Waits and tries until `waitMs` has passed. `pauseMs` is when to look again if nothing rings before. */
  async #wait(pauseMs: number): Promise<LeaseState> {
    const { signal, waitMs } = this.#plan.options;
    const unlist = this.#engine.sleeper(this.#waiter.wake);
    try {
      for (;;) {
        await this.#waiter.sleep(Math.min(pauseMs, waitMs - this.#waitedMs));
        if (signal?.aborted) throw abortReason(signal);
        this.#engine.assertOpen();
        if (this.#waitedMs >= waitMs) await this.#giveUp();
        const next = await this.#attempt(instant(this.#engine.clock));
        if (next instanceof LeaseState) return next;
        pauseMs = next;
      }
    } finally {
      unlist();
    }
  }

  /** The lease, or how long to sleep before the next attempt. */
  async #attempt(sentAt: Instant): Promise<LeaseState | number> {
    const { signal } = this.#plan.options;
    this.#open = true;
    let answer: Answer;
    try {
      const attempt = this.#engine.grantor.attempt(this.#claim, this.#queues ? this : undefined);
      answer = await (signal ? abortable(attempt, signal) : attempt);
    } catch (error) {
      return this.#unanswered(error);
    }
    this.#outage = undefined;
    if (answer.kind === 'granted') return this.#granted(answer.fencingToken, sentAt);
    if (answer.kind === 'gone') {
      this.#renewRequest();
      return 0;
    }
    if (!this.#queues) this.#renewRequest();
    return this.#pauseFor(answer.position, answer.recheckMs);
  }

  #granted(fencingToken: number, sentAt: Instant): LeaseState | number {
    const lease = this.#engine.hold(this.#claim, fencingToken, sentAt, this.#plan.options);
    if (lease === undefined) {
      this.#renewRequest();
      return slackMs;
    }
    this.#open = false;
    this.#engine.stats.granted(this.#waitedMs);
    return lease;
  }

  /** While there is time an outage is waited out; with the same request where that may stand in line already. */
  #unanswered(error: unknown): number {
    if (!isLockstepError(error, 'REDIS_UNAVAILABLE')) {
      this.#engine.layouts.note(error);
      throw error;
    }
    if (!error.outcomeUnknown && !this.#queues) this.#open = false;
    if (this.#plan.options.waitMs === 0) throw error;
    this.#outage = error;
    // A quorum has taken the request back, so it is used up.
    if (!this.#queues) this.#renewRequest();
    return outagePauseMs * (0.5 + this.#engine.options.random.next());
  }

  #pauseFor(position: number, recheckMs: number): number {
    if (!this.#queues) {
      const backoff = Math.min(firstBackoffMs * 2 ** this.#losses, longestBackoffMs);
      this.#losses += 1;
      // From none to twice as long: of several losers one should have the field to itself.
      return backoff * 2 * this.#engine.options.random.next();
    }
    const slow = patienceMs / 2;
    if (recheckMs < 0 || position > lookoutPositions) return slow;
    return Math.min(slow, recheckMs + slackMs + (position - 1) * staggerMs);
  }

  #renewRequest(): void {
    this.#open = false;
    this.#unlisten?.();
    this.#unlisten = undefined;
    this.#claim = this.#plan.claimFor(this.#engine.nextId());
  }

  /**
   * Before the request enters a line: its bell may ring before the answer is here. The second bell says that the first
   * in line was rung, and that we are to see to it that it comes.
   */
  onQueue(): void {
    if (this.#unlisten || this.#isOver) return;
    const { id } = this.#claim;
    const removers = [
      this.#engine.listen(id, this.#waiter.wake),
      this.#engine.listen(`${id}+`, () => this.#waiter.wakeWithin(graceMs + lookoutMs + slackMs)),
    ];
    this.#unlisten = () => removers.forEach((remove) => remove());
  }

  async #giveUp(): Promise<never> {
    this.#engine.stats.timeouts += 1;
    if (this.#open) {
      this.#open = false;
      const { redis } = this.#engine.places[0]!;
      await within(
        this.#engine.clock,
        this.#engine.abandon(this.#claim, this.#queues),
        redis.commandTimeoutMs,
      );
    }
    if (this.#outage !== undefined) throw this.#outage;
    throw new LockTimeoutError(this.#claim.name, Math.round(this.#waitedMs));
  }
}
