import type { Clock } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';

/** Independent masters that a quorum suite runs on, simulated or real. */
export interface MastersHarness extends AsyncDisposable {
  readonly topology: string;
  readonly real: boolean;
  readonly clock: Clock;
  readonly count: number;
  /** A process: one connection to each master. Closed at the latest when the harness is disposed. */
  connect(): Promise<readonly Redis[]>;
  advance(ms: number): Promise<void>;
  uniqueName(): string;
  /** The master takes commands and answers none, until it is thawed; then it executes what it took. */
  freeze(master: number): Promise<void>;
  thaw(master: number): Promise<void>;
  /** They break their connections at the same time and come back without data. */
  restartEmpty(...masters: number[]): Promise<void>;
}
