import { assertName } from '@lockstep/core';
import type { LockEngine } from './engine.ts';
import { resolveAcquireOptions } from './options.ts';
import { EngineLockable, plainHandle, type Lockable } from './primitive.ts';
import { ReentrantClaim } from './reentrant-claim.ts';

/** The mutex of a name for an owner that may hold it several times. */
export function reentrantLock(engine: LockEngine, name: string, owner: string): Lockable {
  assertName(name, 'name');
  assertName(owner, 'owner');
  return new EngineLockable(engine, {
    name,
    handle: plainHandle(engine),
    plan(given, waits) {
      const options = resolveAcquireOptions(waits ? 'acquire' : 'try', given, engine.options);
      const { ttlMs, metadata } = options;
      const { durable } = engine.options;
      const claimFor = (id: string): ReentrantClaim =>
        new ReentrantClaim({ name, id, ttlMs, durable, owner, metadata });
      return { options, claimFor };
    },
  });
}
