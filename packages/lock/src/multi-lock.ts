import type { LockEngine } from './engine.ts';
import { MultiClaim } from './multi-claim.ts';
import { assertNames, resolveAcquireOptions } from './options.ts';
import { EngineLockable, plainHandle, type Lockable } from './primitive.ts';
import { sequentialLock } from './sequential-lock.ts';

/** Several mutexes, all or none: in one script where one server has them all, one after the other on Cluster. */
export function multiLock(engine: LockEngine, given: readonly string[]): Lockable {
  assertNames(given);
  // Everyone asks in the same order, so nobody waits in a circle.
  const names = [...given].sort();
  const name = names.join(', ');
  if (engine.places.some(({ redis }) => redis.topology === 'cluster'))
    return sequentialLock(engine, name, names);
  return new EngineLockable(engine, {
    name,
    handle: plainHandle(engine),
    plan(asked, waits) {
      const options = resolveAcquireOptions(waits ? 'acquire' : 'try', asked, engine.options);
      const { ttlMs, metadata } = options;
      const { durable } = engine.options;
      const claimFor = (id: string): MultiClaim =>
        new MultiClaim({ name, id, ttlMs, durable, names, metadata });
      return { options, claimFor };
    },
  });
}
