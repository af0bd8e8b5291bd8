import type { LockEngine } from './engine.ts';
import { decodeMetadata, waiterOf, type LockWaiter } from './inspection.ts';
import { permitKeys } from './keys.ts';
import type { PermitKind } from './permit-claim.ts';
import { inspectPermits } from './scripts/inspect-permits.ts';

export interface PermitHolder {
  readonly owner: string;
  readonly count: number;
  readonly ttlMs: number;
  readonly metadata: unknown;
}

export interface PermitInspection {
  readonly inUse: number;
  /** The 1,000 that end first. */
  readonly holders: readonly PermitHolder[];
  /** First come first; the first 100. */
  readonly waiters: readonly LockWaiter[];
}

/** Of a quorum, the view of the node that knows of most permits in use. */
export async function inspectPermitsOf(
  engine: LockEngine,
  name: string,
  kind: PermitKind,
): Promise<PermitInspection> {
  const views = await Promise.allSettled(
    engine.places.map(({ redis, lockPrefix }) =>
      redis.run(inspectPermits, permitKeys(lockPrefix + name, kind), {}),
    ),
  );
  const failures: unknown[] = [];
  let best: PermitInspection | undefined;
  for (const view of views) {
    if (view.status === 'rejected') {
      failures.push(view.reason);
      continue;
    }
    const holders = view.value.holders.map(({ owner, count, ttlMs, metadata }) => ({
      owner,
      count,
      ttlMs,
      metadata: decodeMetadata(metadata, engine.options.codec),
    }));
    const inUse = holders.reduce((sum, { count }) => sum + count, 0);
    if (best === undefined || inUse > best.inUse)
      best = { inUse, holders, waiters: view.value.waiters.map(waiterOf) };
  }
  if (best === undefined) throw failures[0];
  return best;
}
