import { answersOf } from './answers.ts';
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

/** Of a quorum, whoever one of the first majority to answer knows: a holder has the votes of a node of any majority. */
export async function inspectPermitsOf(
  engine: LockEngine,
  name: string,
  kind: PermitKind,
): Promise<PermitInspection> {
  const views = await answersOf(engine.places, 'inspect', ({ redis, lockPrefix }) =>
    redis.run(inspectPermits, permitKeys(lockPrefix + name, kind), {}),
  );
  const holders = new Map<string, PermitHolder>();
  for (const { owner, count, ttlMs, metadata } of views.flatMap((view) => view.holders)) {
    if ((holders.get(owner)?.ttlMs ?? -1) >= ttlMs) continue;
    holders.set(owner, { owner, count, ttlMs, metadata: decodeMetadata(metadata, engine.options.codec) });
  }
  const known = [...holders.values()].sort((one, other) => one.ttlMs - other.ttlMs);
  const inUse = known.reduce((sum, { count }) => sum + count, 0);
  return { inUse, holders: known, waiters: views[0]!.waiters.map(waiterOf) };
}
