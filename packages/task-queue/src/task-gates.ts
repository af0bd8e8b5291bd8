import { createPayloadGate, type Codec, type PayloadGate, type StandardSchemaV1 } from '@lockstep/core';
import type { ResolvedTask } from './definition-schema.ts';
import { withoutStrayPromises } from './zod-schema.ts';

/** The doors of one task: what goes in, and what comes out of its handler. */
export interface TaskGates {
  readonly input: PayloadGate<unknown, unknown>;
  /** Absent for a task without output. */
  readonly output: PayloadGate<unknown, unknown> | undefined;
}

interface GateOptions {
  readonly codec: Codec;
  readonly maxPayloadBytes: number;
}

/** The gates of every task of a queue; made once per process, since the first payload through a gate proves its schema. */
export function createTaskGates(
  tasks: ReadonlyMap<string, ResolvedTask>,
  options: GateOptions,
): ReadonlyMap<string, TaskGates> {
  const gate = (schema: StandardSchemaV1, what: string): PayloadGate<unknown, unknown> =>
    createPayloadGate({ ...options, schema: withoutStrayPromises(schema), what });
  return new Map(
    [...tasks].map(([name, { input, output }]) => [
      name,
      {
        input: gate(input, `task ${name}`),
        output: output && gate(output, `output of task ${name}`),
      },
    ]),
  );
}
