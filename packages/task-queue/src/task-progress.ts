import { ConfigurationError } from '@lockstep/core';

/** How far a task is, as its handler last said. */
export interface TaskProgress {
  readonly done: number;
  readonly note: string;
}

/** @throws `ConfigurationError` unless `done` is a finite number. */
export function encodeProgress(done: number, note = ''): string {
  if (!Number.isFinite(done)) throw new ConfigurationError('done', 'must be a finite number', done);
  return `${done} ${note}`;
}

export function decodeProgress(text: string | undefined): TaskProgress | undefined {
  if (text === undefined) return undefined;
  const cut = text.indexOf(' ');
  const done = Number(text.slice(0, cut));
  return cut === -1 || Number.isNaN(done) ? undefined : { done, note: text.slice(cut + 1) };
}
