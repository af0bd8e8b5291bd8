import type { Clock, HealthCheck, HealthStatus } from '@lockstep/core';

/** Remembers since when each check has its status. */
export class HealthChecks {
  readonly #clock: Clock;
  readonly #known = new Map<string, { status: HealthStatus; since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  check(name: string, found: Omit<HealthCheck, 'name' | 'since'>): HealthCheck {
    let known = this.#known.get(name);
    if (known?.status !== found.status) {
      known = { status: found.status, since: this.#clock.now() };
      this.#known.set(name, known);
    }
    return { name, ...found, since: known.since };
  }
}
