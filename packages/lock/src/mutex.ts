import { assertName } from '@lockstep/core';
import type { LockEngine } from './engine.ts';
import { MutexClaim } from './mutex-claim.ts';
import { resolveAcquireOptions, type AcquireOptions } from './options.ts';
import { EngineLockable, plainHandle, type Lockable, type Plan } from './primitive.ts';

/** One owner at a time. */
export function mutex(engine: LockEngine, name: string): Lockable {
  assertName(name, 'name');
  return new EngineLockable(engine, {
    name,
    handle: plainHandle(engine),
    plan: (given, waits) => mutexPlan(engine, name, given, waits),
  });
}

export function mutexPlan(engine: LockEngine, name: string, given: AcquireOptions, waits: boolean): Plan {
  const options = resolveAcquireOptions(waits ? 'acquire' : 'try', given, engine.options);
  const { ttlMs, metadata } = options;
  const { durable } = engine.options;
  const touch = engine.index.needsTouch(name);
  const claimFor = (id: string): MutexClaim =>
    new MutexClaim({ name, id, ttlMs, durable, metadata, touch, election: false });
  return { options, claimFor };
}
