import { isLockstepError, type ErrorHandler, type Timer } from '@lockstep/core';
import type { Engine } from '@lockstep/delivery/internal';
import type { Redis } from '@lockstep/redis';

const periodMs = 60_000;

interface SweeperParts {
  readonly redis: Redis;
  readonly engine: Engine;
  readonly onError: ErrorHandler;
  readonly label: string;
}

/**
 * Removes what has had its time, outcomes and expired tasks, also where no traffic does it in passing. Runs while this
 * process works on the queue: has a started worker, waits in `receive` or holds a lease of it. About once a minute, at
 * moments that differ from those of other processes.
 */
export class Sweeper {
  readonly #parts: SweeperParts;
  readonly #users = new Set<object>();
  #timer: Timer | undefined;
  /** By the monotonic clock. Kept while nobody is there: who comes and goes all the time sweeps as often as who stays. */
  #dueAt: number | undefined;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  join(user: object): void {
    this.#users.add(user);
    if (this.#timer !== undefined) return;
    const now = this.#parts.redis.clock.monotonic();
    this.#dueAt ??= now + this.#period();
    if (this.#dueAt > now) this.#arm(this.#dueAt - now);
    else void this.#sweep();
  }

  leave(user: object): void {
    if (this.#users.delete(user) && this.#users.size === 0) this.close();
  }

  close(): void {
    this.#users.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #period(): number {
    return periodMs * (0.5 + this.#parts.redis.random.next());
  }

  #arm(delayMs: number): void {
    this.#timer = this.#parts.redis.clock.setTimer(() => void this.#sweep(), delayMs, { unref: true });
  }

  async #sweep(): Promise<void> {
    const period = this.#period();
    this.#dueAt = this.#parts.redis.clock.monotonic() + period;
    this.#arm(period);
    try {
      await this.#parts.engine.sweep();
    } catch (error) {
      // A connection that was closed takes its queues with it, and tells the engine alone.
      if (isLockstepError(error, 'CLOSED')) return this.close();
      // While Redis is away there is nothing to tell that the connection does not.
      if (isLockstepError(error, 'REDIS_UNAVAILABLE')) return;
      this.#parts.onError(error, { source: this.#parts.label, operation: 'sweep' });
    }
  }
}
