import {
  abortable,
  abortReason,
  assertName,
  ConfigurationError,
  ConflictError,
  elapsedSince,
  instant,
  isLockstepError,
  LayoutTooNewError,
  OperationTimeoutError,
} from '@lockstep/core';
import { layout } from './answer.ts';
import type { LockEngine } from './engine.ts';
import { latchKeys } from './keys.ts';
import {
  resolveLatchOptions,
  resolveLatchWait,
  type LatchOptions,
  type LatchWaitOptions,
} from './options.ts';
import type { Place } from './place.ts';
import { countDown, readLatch, watchLatch, type LatchReply } from './scripts/latch.ts';
import { patienceMs } from './timing.ts';
import { Waiter } from './waiter.ts';

/** Between two looks that Redis could not answer; `up` ends it early. */
const outagePauseMs = 250;

/**
 * Opens for good once it was counted down `count` times, by anyone. Lives on one Redis: a quorum has no common counter.
 */
export class Latch {
  readonly name: string;
  readonly count: number;
  readonly #engine: LockEngine;
  readonly #place: Place;
  readonly #keepMs: number;

  /** Use `locks.latch`. */
  constructor(engine: LockEngine, name: string, count: number, options: LatchOptions = {}) {
    assertName(name, 'name');
    const { keepMs } = resolveLatchOptions(count, options);
    const [place, ...others] = engine.places;
    if (others.length > 0) {
      throw new ConfigurationError(
        'locks.latch',
        'needs locks on one Redis, not a quorum',
        engine.places.length,
      );
    }
    this.name = name;
    this.count = count;
    this.#engine = engine;
    this.#place = place!;
    this.#keepMs = keepMs;
  }

  /**
   * Counts once, and resolves to what is left; below zero it does not go.
   *
   * @throws CONFLICT when the latch was made with another count; REDIS_UNAVAILABLE.
   */
  async countDown(): Promise<number> {
    this.#engine.assertOpen();
    const { redis } = this.#place;
    const request = this.#engine.nextId();
    const args = { total: this.count, request, keep_ms: this.#keepMs };
    return this.#left(await redis.run(countDown, this.#keys(), args));
  }

  /** What is left to count. Writes nothing. */
  async left(): Promise<number> {
    const { latch } = this.#keys();
    return this.#left(await this.#place.redis.run(readLatch, { latch }, { total: this.count }));
  }

  /**
   * Resolves once nothing is left to count. An outage is waited out while there is time.
   *
   * @throws OPERATION_TIMEOUT after `waitMs`; REDIS_UNAVAILABLE if Redis is away then; CONFLICT; the signal's reason.
   */
  async wait(options: LatchWaitOptions = {}): Promise<void> {
    const { waitMs, signal } = resolveLatchWait(options);
    if (signal?.aborted) throw abortReason(signal);
    const engine = this.#engine;
    const start = instant(engine.clock);
    const waiter = new Waiter(engine.clock);
    const bell = engine.nextId();
    const removers = [engine.listen(bell, waiter.wake), engine.onUpheaval(waiter.wake)];
    signal?.addEventListener('abort', waiter.wake, { once: true });
    try {
      for (;;) {
        engine.assertOpen();
        const looking = this.#look(`${this.#place.redis.doorbell.channel} ${bell}`);
        const { left, outage } = await (signal ? abortable(looking, signal) : looking);
        if (left === 0) return;
        const leftMs = waitMs - elapsedSince(engine.clock, start);
        if (leftMs <= 0) throw outage ?? new OperationTimeoutError(`latch ${this.name}`, waitMs);
        await waiter.sleep(Math.min(leftMs, outage ? outagePauseMs : patienceMs / 2));
        if (signal?.aborted) throw abortReason(signal);
      }
    } finally {
      signal?.removeEventListener('abort', waiter.wake);
      for (const remove of removers) remove();
    }
  }

  /** What is left, or why Redis did not say. */
  async #look(waiter: string): Promise<{ left?: number; outage?: Error }> {
    const args = { total: this.count, waiter, keep_ms: this.#keepMs };
    try {
      const reply = await this.#place.redis.run(watchLatch, this.#keys(), args);
      return { left: this.#left(reply) };
    } catch (error) {
      if (isLockstepError(error, 'REDIS_UNAVAILABLE')) return { outage: error };
      throw error;
    }
  }

  #keys(): ReturnType<typeof latchKeys> {
    return latchKeys(this.#place.lockPrefix + this.name);
  }

  #left(reply: LatchReply): number {
    if (reply.kind === 'left') return reply.left;
    const what = `latch ${this.name}`;
    if (reply.kind === 'other-count')
      throw new ConflictError({ what, expected: this.count, current: reply.count });
    const tooNew = new LayoutTooNewError({ what, found: reply.layout, known: layout });
    this.#engine.layouts.note(tooNew);
    throw tooNew;
  }
}
