import type { Redis } from '@lockstep/redis';
import type { HistoryRecorder } from '@lockstep/testing';
import type { ChildSpec } from './child-spec.ts';

/** What every role of a child process gets. */
export interface ChildContext {
  readonly spec: ChildSpec;
  readonly redis: Redis;
  readonly history: HistoryRecorder;
}

/** Starts the work; resolves when it is under way. */
export type Role = (context: ChildContext) => Promise<void>;
