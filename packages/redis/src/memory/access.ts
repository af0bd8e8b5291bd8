import { ConfigurationError } from '@lockstep/core';
import type { Redis } from '../redis.ts';
import type { MemoryFaults } from './faults.ts';

const faultsOf = new WeakMap<Redis, MemoryFaults>();

export function rememberFaults(redis: Redis, faults: MemoryFaults): void {
  faultsOf.set(redis, faults);
}

/** The fault switches of a `memory://` connection. Throws `ConfigurationError` for any other. */
export function memoryFaults(redis: Redis): MemoryFaults {
  const faults = faultsOf.get(redis);
  if (!faults) throw new ConfigurationError('redis', 'must be a memory:// connection', redis.topology);
  return faults;
}
