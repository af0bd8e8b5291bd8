import { isLockstepError, type HealthCheck, type Logger } from '@lockstep/core';

/** Whether a lock was met that a newer release keeps otherwise. Stays so: what ends it is an upgrade of this process. */
export class LayoutWatch {
  readonly #logger: Logger;
  readonly #now: () => number;
  #metAt: number | undefined;
  #found = 0;

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Looks at a failure, whatever it is. */
  note(error: unknown): void {
    if (!isLockstepError(error, 'LAYOUT_TOO_NEW')) return;
    this.#found = Math.max(this.#found, error.found);
    if (this.#metAt !== undefined) return;
    this.#metAt = this.#now();
    this.#logger.warn(
      { err: error },
      'locks: a newer release keeps a lock otherwise; this process has to be upgraded',
    );
  }

  check(since: number): HealthCheck {
    if (this.#metAt === undefined) return { name: 'layout', status: 'up', value: {}, since, remedy: '' };
    return {
      name: 'layout',
      status: 'degraded',
      value: { found: this.#found },
      since: this.#metAt,
      remedy: 'A newer release keeps a lock otherwise: upgrade this process',
    };
  }
}
