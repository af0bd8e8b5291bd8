import { ConfigurationError, milliseconds, parseOptions } from '@lockstep/core';
import { z } from 'zod';
import type { DeadLetter } from './dead-letter.ts';

/** Which dead letters: all conditions given must hold. */
export interface DeadLetterFilter<Name extends string = string> {
  /** The task's name. It may be one that this release does not know any more. */
  readonly task?: Name | (string & {}) | undefined;
  /** The name or code of the last failure's error, or a part of its message or of the reason. */
  readonly error?: string | undefined;
  /** Those that died at this moment or later, by the server's clock. */
  readonly since?: Date | number | undefined;
}

export interface ListDeadLettersOptions<Name extends string = string> extends DeadLetterFilter<Name> {
  /** Ends the iteration: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Dead letters by id, or all that match a filter; `{ filter: {} }` is all of them. */
export type DeadLetterSelection<Name extends string = string> =
  | { readonly ids: readonly string[]; readonly filter?: undefined }
  | { readonly filter: DeadLetterFilter<Name>; readonly ids?: undefined };

const filterShape = {
  task: z.string({ error: 'must be a string' }).optional(),
  error: z.string({ error: 'must be a string' }).min(1, { error: 'must not be empty' }).optional(),
  since: z
    .preprocess((value) => (value instanceof Date ? value.getTime() : value), milliseconds().optional())
    .optional(),
};

const filterSchema = z.strictObject(filterShape);
const listSchema = z.strictObject({
  ...filterShape,
  signal: z.instanceof(AbortSignal, { error: 'must be an AbortSignal' }).optional(),
});
const idsSchema = z.array(z.string({ error: 'must be a string' }), { error: 'must be a list of ids' });

/** Throws `ConfigurationError`. */
export function resolveFilter(options: ListDeadLettersOptions): ListDeadLettersOptions {
  return parseOptions(listSchema, options);
}

/** Exactly one of both: forgetting the ids must not mean everything. Throws `ConfigurationError`. */
export function resolveSelection(selection: DeadLetterSelection): {
  readonly ids: readonly string[];
  readonly filter: DeadLetterFilter | undefined;
} {
  const { ids, filter } = selection;
  if ((ids === undefined) === (filter === undefined)) {
    throw new ConfigurationError('selection', 'must have either ids or filter', selection);
  }
  if (filter === undefined) return { ids: parseOptions(idsSchema, ids, 'selection.ids'), filter };
  return { ids: [], filter: parseOptions(filterSchema, filter, 'selection.filter') };
}

/** Whether a dead letter matches; its time of death is left to the caller, who reads in that order. */
export function matchesFilter(letter: DeadLetter, { task, error }: DeadLetterFilter): boolean {
  if (task !== undefined && letter.name !== task) return false;
  return error === undefined || matchesError(letter, error);
}

function matchesError({ reason, history }: DeadLetter, wanted: string): boolean {
  if (reason.includes(wanted)) return true;
  const last = history.at(-1);
  if (last === undefined) return false;
  return last.name === wanted || last.code === wanted || last.message.includes(wanted);
}
