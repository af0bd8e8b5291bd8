import { isLockstepError } from '@lockstep/core';

/** One failed attempt, as it is kept with the task: the last 10, and all of them seen in the dead letter. */
export interface TaskFailure {
  readonly name: string;
  readonly message: string;
  /** Cut to 4 KB. Empty when what was thrown is no Error. */
  readonly stack: string;
  /** The code, when it was an error of the toolkit. */
  readonly code?: string | undefined;
  /** The worker that ran the attempt. */
  readonly worker: string;
  /** Which attempt failed; 1 is the first. */
  readonly attempt: number;
  /** Wall-clock milliseconds of the worker. */
  readonly startedAt: number;
  readonly failedAt: number;
}

/** Where and when an attempt failed. */
export type FailurePlace = Pick<TaskFailure, 'worker' | 'attempt' | 'startedAt' | 'failedAt'>;

const longestStack = 4_096;
const longestMessage = 1_024;
const longestName = 256;

/** Describes whatever a handler threw. */
export function taskFailure(thrown: unknown, place: FailurePlace): TaskFailure {
  return { ...describe(thrown), ...place };
}

function describe(thrown: unknown): Pick<TaskFailure, 'name' | 'message' | 'stack' | 'code'> {
  if (!(thrown instanceof Error)) {
    return { name: 'NonError', message: readable(() => thrown, longestMessage), stack: '' };
  }
  const code = isLockstepError(thrown) ? { code: thrown.code } : {};
  return {
    name: readable(() => thrown.name, longestName),
    message: readable(() => thrown.message, longestMessage),
    stack: readable(() => thrown.stack ?? '', longestStack),
    ...code,
  };
}

/** What handlers throw is foreign: a getter or a toString of theirs may throw in turn. */
function readable(read: () => unknown, longest: number): string {
  try {
    return cut(String(read()), longest);
  } catch {
    return 'unreadable';
  }
}

/** A text of foreign length, cut to 1 KB. */
export function cutMessage(text: unknown): string {
  return readable(() => text, longestMessage);
}

function cut(text: string, longest: number): string {
  if (Buffer.byteLength(text) <= longest) return text;
  // A character cut in half decodes as the replacement character.
  return Buffer.from(text)
    .subarray(0, longest)
    .toString()
    .replace(/\uFFFD$/, '');
}

/** The failure as it is stored. */
export function encodeFailure(failure: TaskFailure): string {
  return JSON.stringify(failure);
}

/** Reads a stored failure; what a newer release wrote in another form is kept as its message. */
export function decodeFailure(text: string): TaskFailure {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'message' in value) return value as TaskFailure;
  } catch {
    // Falls through: an unreadable entry must not hide the others.
  }
  return { name: 'Unreadable', message: text, stack: '', worker: '', attempt: 0, startedAt: 0, failedAt: 0 };
}
