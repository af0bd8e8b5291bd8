import { systemRandom } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import type { Redis, RedisOptions } from '@lockstep/redis';
import { ManualClock } from './manual-clock.ts';

/** Everything a connection takes, except that its clock is moved by hand. */
export interface MemoryConnectionOptions extends Omit<RedisOptions, 'clock'> {
  /** @defaultValue a new {@link ManualClock} */
  readonly clock?: ManualClock | undefined;
  /** Connections of one name share their data. @defaultValue a name of its own */
  readonly name?: string | undefined;
}

/** A connection to an in-process Redis, and the clock that moves its time, timers, leases and key expiry together. */
export interface MemoryConnection extends AsyncDisposable {
  readonly redis: Redis;
  readonly clock: ManualClock;
  /** Pass it on to open a second connection to the same data. */
  readonly name: string;
}

/**
 * Opens a `memory://` connection; needs ioredis-mock beside it. Each call gets data of its own unless a name is given.
 * Disposing closes the connection and all that was created on it.
 */
export async function memoryConnection(options: MemoryConnectionOptions = {}): Promise<MemoryConnection> {
  const { name = systemRandom.id(), clock = new ManualClock(), ...rest } = options;
  const redis = await connect(`memory://${name}`, { ...rest, clock });
  return { redis, clock, name, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
}
