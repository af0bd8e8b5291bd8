/** How a close proceeds: wait for running work, then abort it, then give up waiting. */
export interface CloseOptions {
  /** How long running work may finish by itself. */
  readonly drainMs?: number | undefined;
  /** How long aborted work may take to come back. */
  readonly abortMs?: number | undefined;
}

/** What one part did when it closed. Counts are zero where a part has nothing of the kind. */
export interface CloseReport {
  readonly name: string;
  /** Units of work that ended by themselves. */
  readonly finished: number;
  /** Units handed back without burning an attempt. */
  readonly returned: number;
  /** Units that were aborted with `ShutdownError`. */
  readonly aborted: number;
  readonly errors: readonly unknown[];
}

/** Every `createX` result. `close` is idempotent: the second call gives the first one's outcome. */
export interface Closeable<Stats = unknown> extends AsyncDisposable {
  readonly name: string;
  health(): Promise<HealthReport>;
  stats(): Promise<Stats>;
  close(options?: CloseOptions): Promise<CloseReport>;
}

export type HealthStatus = 'up' | 'degraded' | 'down';

export interface HealthCheck {
  readonly name: string;
  readonly status: HealthStatus;
  readonly value: unknown;
  readonly thresholds?: Readonly<Record<string, number>> | undefined;
  /** Since when the check has this status, in wall-clock milliseconds. */
  readonly since: number;
  /** What to do about it; empty when nothing is wrong. */
  readonly remedy: string;
}

export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: readonly HealthCheck[];
}

const severity: Record<HealthStatus, number> = { up: 0, degraded: 1, down: 2 };

/** The report whose status is that of its worst check. */
export function healthReport(checks: readonly HealthCheck[]): HealthReport {
  let status: HealthStatus = 'up';
  for (const check of checks) if (severity[check.status] > severity[status]) status = check.status;
  return { status, checks };
}
