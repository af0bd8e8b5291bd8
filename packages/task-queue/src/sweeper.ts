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
 * process has a started worker, about once a minute, at moments that differ from those of other processes.
 */
export class Sweeper {
  readonly #parts: SweeperParts;
  readonly #workers = new Set<object>();
  #timer: Timer | undefined;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  join(worker: object): void {
    this.#workers.add(worker);
    this.#timer ??= this.#arm();
  }

  leave(worker: object): void {
    this.#workers.delete(worker);
    if (this.#workers.size === 0) this.close();
  }

  close(): void {
    this.#workers.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): Timer {
    const { clock, random } = this.#parts.redis;
    return clock.setTimer(() => void this.#sweep(), periodMs * (0.5 + random.next()), { unref: true });
  }

  async #sweep(): Promise<void> {
    this.#timer = this.#arm();
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
