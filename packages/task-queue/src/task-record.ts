import { unmarkBody, type Codec } from '@lockstep/core';
import type { ItemDetails, ItemState, ItemView } from '@lockstep/delivery/internal';
import type { TaskPriority } from './enqueue-options.ts';
import { openEnvelope } from './envelope.ts';
import { decodeFailure, type TaskFailure } from './task-failure.ts';
import { decodeProgress, type TaskProgress } from './task-progress.ts';

/**
 * Where a task is. `kept`: it is over, only its outcome is still there (`queue.result`). `dead`: among the dead letters.
 */
export type TaskState = ItemState;

/** A task as `list` shows it: a snapshot that may have changed by the time it is read. */
export interface TaskSummary {
  readonly id: string;
  /** Empty when the stored task cannot be read by this release. */
  readonly name: string;
  readonly state: TaskState;
  /** The payload, decoded but not validated; `undefined` when it does not decode. */
  readonly input: unknown;
  readonly priority: TaskPriority;
  /** By the server's clock, as all times here. */
  readonly enqueuedAt: number;
  readonly expiresAt: number | undefined;
  /** Due time of a delayed task, end of the lease of a leased one, time of death of a dead one. */
  readonly at: number | undefined;
  /** Failed attempts since it was enqueued or redriven. */
  readonly attempts: number;
  /** How often it was handed out and not given back. */
  readonly deliveries: number;
  /** Which worker holds it. */
  readonly worker: string | undefined;
  readonly traceparent: string | undefined;
}

/** A task as `get` shows it. */
export interface TaskRecord extends TaskSummary {
  /** The last ten failures, oldest first. */
  readonly history: readonly TaskFailure[];
  readonly progress: TaskProgress | undefined;
  /** Someone asked for its cancellation and its handler has not ended yet. */
  readonly cancelling: boolean;
  /** Why it is a dead letter. */
  readonly deadReason: string | undefined;
}

/** Makes records of stored items. */
export function taskSummary(codec: Codec, item: ItemView): TaskSummary {
  const { id, state, priority, enqueuedAt, expiresAt, at, attempts, deliveries, worker } = item;
  const stored = { id, state, priority, enqueuedAt, expiresAt, at, attempts, deliveries, worker };
  return { ...stored, ...readBody(codec, item.body) };
}

export function taskRecord(codec: Codec, item: ItemDetails): TaskRecord {
  return {
    ...taskSummary(codec, item),
    history: item.history.map(({ error }) => decodeFailure(error)),
    progress: decodeProgress(item.progress),
    cancelling: item.cancelled,
    deadReason: item.dead?.reason,
  };
}

/** What a body holds, as far as it can be read: a listing must not fail over one bad task. */
function readBody(codec: Codec, body: string): Pick<TaskSummary, 'name' | 'input' | 'traceparent'> {
  try {
    const { name, traceparent, payload } = openEnvelope(body);
    return { name, traceparent, input: decoded(codec, payload) };
  } catch {
    return { name: '', traceparent: undefined, input: undefined };
  }
}

function decoded(codec: Codec, payload: string): unknown {
  try {
    return codec.decode(unmarkBody(payload));
  } catch {
    return undefined;
  }
}
