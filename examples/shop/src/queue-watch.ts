import { isLockstepError, sleep, type Clock } from '@lockstep/core';
import type { QueueStats } from '@lockstep/task-queue';

export interface QueueWatchOptions {
  readonly stats: () => Promise<QueueStats>;
  readonly clock: Clock;
  /** How long nothing may move before that is an error, in ms. A Redis that is away counts. */
  readonly patienceMs?: number | undefined;
  readonly signal: AbortSignal;
}

const intervalMs = 100;

/** Looks at the queue a few times a second, for everyone who wants to know. Survives a Redis that is away for a while. */
export class QueueWatch {
  readonly #options: QueueWatchOptions;
  #latest: QueueStats;
  #looks = 0;
  #movedAt: number;
  #failure: unknown;
  /** Time does not heal the last failure. */
  #broken = false;

  private constructor(options: QueueWatchOptions, first: QueueStats) {
    this.#options = options;
    this.#latest = first;
    this.#movedAt = options.clock.monotonic();
  }

  static async start(options: QueueWatchOptions): Promise<QueueWatch> {
    const watch = new QueueWatch(options, await options.stats());
    void watch.#run();
    return watch;
  }

  get latest(): QueueStats {
    return this.#latest;
  }

  /** Resolves when no task is waiting or under way. Rejects when nothing has moved for too long. */
  async settled(): Promise<void> {
    // What was seen before this call may be older than the caller's last task.
    const seen = this.#looks + 1;
    await this.until((stats) => this.#looks > seen && open(stats) === 0);
  }

  /** Resolves when the queue is in a state. Rejects when nothing has moved for too long. */
  async until(isSo: (stats: QueueStats) => boolean): Promise<void> {
    const { clock, patienceMs = 30_000, signal } = this.#options;
    // Before this call it may have been still because there was nothing to do.
    const start = clock.monotonic();
    while (!isSo(this.#latest)) {
      if (this.#broken || clock.monotonic() - Math.max(start, this.#movedAt) > patienceMs) {
        throw this.#stuck(patienceMs);
      }
      await sleep(clock, intervalMs / 4, { signal });
    }
  }

  #stuck(patienceMs: number): Error {
    if (this.#failure instanceof Error) return this.#failure;
    return new Error(`nothing has moved for ${patienceMs / 1_000} s, ${open(this.#latest)} tasks are open`);
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#options;
    while (!signal.aborted) {
      await this.#look();
      await sleep(clock, intervalMs, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    try {
      const stats = await this.#options.stats();
      if (mark(stats) !== mark(this.#latest)) this.#movedAt = this.#options.clock.monotonic();
      this.#latest = stats;
      this.#looks += 1;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      this.#broken = !isLockstepError(error) || !error.retryable;
    }
  }
}

/** Tasks that are not over. */
function open({ ready, delayed, leased }: QueueStats): number {
  return waiting(ready) + delayed + leased;
}

export function waiting(ready: QueueStats['ready']): number {
  return Object.values(ready).reduce((sum, count) => sum + count, 0);
}

/** Changes whenever something happens. */
function mark({ enqueued, completed, failed, died, reclaimed, redriven }: QueueStats): string {
  return [enqueued, completed, failed, died, reclaimed, redriven].join();
}
