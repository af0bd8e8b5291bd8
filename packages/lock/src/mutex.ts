import { assertName } from '@lockstep/core';
import type { LockEngine } from './engine.ts';
import { MutexClaim, type MutexClaimParts } from './mutex-claim.ts';
import { resolveAcquireOptions, type AcquireOptions, type ResolvedAcquireOptions } from './options.ts';
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
  return new MutexPlan(
    name,
    resolveAcquireOptions(waits ? 'acquire' : 'try', given, engine.options),
    engine.options.durable,
    engine.index.needsTouch(name),
  );
}

/** One object for each acquisition, and no closure: this is the call that is made most. */
class MutexPlan implements Plan, MutexClaimParts {
  readonly name: string;
  readonly options: ResolvedAcquireOptions;
  readonly durable: boolean;
  readonly touch: boolean;
  readonly ttlMs: number;
  readonly metadata: string;
  readonly election = false;

  constructor(name: string, options: ResolvedAcquireOptions, durable: boolean, touch: boolean) {
    this.name = name;
    this.options = options;
    this.durable = durable;
    this.touch = touch;
    this.ttlMs = options.ttlMs;
    this.metadata = options.metadata;
  }

  claimFor(id: string): MutexClaim {
    return new MutexClaim(id, this);
  }
}
