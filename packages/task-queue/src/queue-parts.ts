import type { Codec, ErrorHandler, Logger } from '@lockstep/core';
import type { Engine } from '@lockstep/delivery/internal';
import type { Redis } from '@lockstep/redis';
import type { Closing } from './closing.ts';
import type { ResolvedDefinition } from './definition-schema.ts';
import type { KnownTask } from './known-task.ts';
import type { Sweeper } from './sweeper.ts';
import type { Timings } from './timings.ts';

/** What the parts of one queue share. */
export interface QueueParts {
  readonly redis: Redis;
  readonly engine: Engine;
  readonly definition: ResolvedDefinition;
  readonly tasks: ReadonlyMap<string, KnownTask>;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly onError: ErrorHandler;
  readonly timings: Timings;
  readonly sweeper: Sweeper;
  readonly closing: Closing;
  /** Names the queue in logs and errors. */
  readonly label: string;
}
