import { milliseconds, parseOptions } from '@lockstep/core';
import type { Outcome } from '@lockstep/delivery/internal';
import { z } from 'zod';
import { openEnvelope } from './envelope.ts';
import type { QueueParts } from './queue-parts.ts';
import { decodeFailure } from './task-failure.ts';
import type { TaskError, TaskOutcome } from './task-outcome.ts';

export interface ResultOptions {
  /** How long to wait for the task to end; then the outcome is `pending`. 0 looks once. @defaultValue 30,000 */
  readonly timeoutMs?: number | undefined;
  /** Stops waiting; the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  timeoutMs: milliseconds(0).default(30_000),
  signal: z.instanceof(AbortSignal, { error: 'must be an AbortSignal' }).optional(),
});

/** Waits for the outcome of a task and reads its output. */
export async function taskResult(
  parts: QueueParts,
  id: string,
  options: ResultOptions = {},
): Promise<TaskOutcome<unknown>> {
  const { timeoutMs, signal } = parseOptions(schema, options);
  const outcome = await parts.closing.during(signal, (either) =>
    parts.engine.outcome(id, { waitMs: timeoutMs, signal: either }),
  );
  switch (outcome.status) {
    case 'completed':
      return { status: 'completed', output: await readOutput(parts, outcome.result) };
    case 'dead':
      return { status: 'dead', error: taskError(outcome) };
    case 'cancelled':
    case 'expired':
      return { status: outcome.status, error: { reason: outcome.status } };
    case 'pending':
    case 'unknown':
      return { status: outcome.status };
  }
}

async function readOutput({ tasks }: QueueParts, result: string | undefined): Promise<unknown> {
  if (result === undefined) return undefined;
  const { name, payload } = openEnvelope(result);
  return tasks.get(name)?.output?.decode(payload);
}

function taskError({ reason, history }: Extract<Outcome, { status: 'dead' }>): TaskError {
  const last = history.at(-1);
  return last === undefined ? { reason } : { reason, failure: decodeFailure(last.error) };
}
