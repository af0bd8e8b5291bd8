import { createPayloadGate, type Codec, type PayloadGate, type StandardSchemaV1 } from '@lockstep/core';
import type { ResolvedTask } from './definition-schema.ts';
import { withoutStrayPromises } from './zod-schema.ts';

/** What a queue knows of a task by its name: one look-up for each that is enqueued or run. */
export interface KnownTask {
  readonly name: string;
  readonly settings: ResolvedTask;
  /** The door of its payload. */
  readonly input: PayloadGate<unknown, unknown>;
  /** The door of what its handler returns; absent for a task without output. */
  readonly output: PayloadGate<unknown, unknown> | undefined;
}

interface GateOptions {
  readonly codec: Codec;
  readonly maxPayloadBytes: number;
}

/** Every task of a queue; made once per process, since the first payload through a gate proves its schema. */
export function createKnownTasks(
  tasks: ReadonlyMap<string, ResolvedTask>,
  options: GateOptions,
): ReadonlyMap<string, KnownTask> {
  const gate = (schema: StandardSchemaV1, what: string): PayloadGate<unknown, unknown> =>
    createPayloadGate({ ...options, schema: withoutStrayPromises(schema), what });
  return new Map(
    Array.from(tasks, ([name, settings]) => {
      const { input, output } = settings;
      const known: KnownTask = {
        name,
        settings,
        input: gate(input, `task ${name}`),
        output: output && gate(output, `output of task ${name}`),
      };
      return [name, known];
    }),
  );
}
