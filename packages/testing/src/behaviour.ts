import type { Clock } from '@lockstep/core';
import type { Redis, RedisOptions } from '@lockstep/redis';

/**
 * Options of a connection, its clock aside. The prefix defaults to one for all connections of a harness, so that two of
 * them act as two processes on one Redis.
 */
export type HarnessConnectOptions = Omit<RedisOptions, 'clock'>;

/**
 * What a behaviour suite runs on. A package writes `lockBehaviour(harness)` once, with the `describe` and `it` of its
 * runner; memory and every real topology run the same cases. Constructing a harness does no I/O.
 */
export interface BehaviourHarness extends AsyncDisposable {
  /** Shown in reports: `memory`, `standalone`, `sentinel`, `cluster`. */
  readonly topology: string;
  /** Whether a real Redis answers. Cases may choose shorter waits by it, never fewer checks. */
  readonly real: boolean;
  /** The clock of the connections: moved by {@link advance} on memory, the machine's on a real Redis. */
  readonly clock: Clock;
  /** A new connection, closed at the latest when the harness is disposed. */
  connect(options?: HarnessConnectOptions): Promise<Redis>;
  /** Lets `ms` pass: moves the manual clock on memory, really waits on a real Redis. */
  advance(ms: number): Promise<void>;
  /** A name that no other case of any run has: legal in keys, channels and as a lock, queue or topic name. */
  uniqueName(): string;
}
