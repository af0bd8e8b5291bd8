import type { Codec } from '@lockstep/core';
import type { DeadItem } from '@lockstep/delivery/internal';
import { decodeFailure, type TaskFailure } from './task-failure.ts';
import { taskSummary, type TaskSummary } from './task-record.ts';

/** A task that ended badly, with all that is needed to judge it and to run it again. */
export interface DeadLetter extends TaskSummary {
  /**
   * `attempts`: it failed as often as it may. `rejected: ...`: its handler said so. `payload`: it does not decode, or
   * its schema refuses it. `output`: the work was done, but what the handler returned was refused. `unknown-task`: no
   * worker knew its name for `unknownTaskMs`. `max-deliveries`: too many workers took it and were not heard of again.
   */
  readonly reason: string;
  /** By the server's clock. */
  readonly diedAt: number;
  /** The last ten failures, oldest first, those before an earlier redrive included. */
  readonly history: readonly TaskFailure[];
}

export function deadLetterOf(codec: Codec, item: DeadItem): DeadLetter {
  return {
    ...taskSummary(codec, item),
    reason: item.dead.reason,
    diedAt: item.dead.at,
    history: item.history.map(({ error }) => decodeFailure(error)),
  };
}
