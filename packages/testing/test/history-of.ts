import type { History, HistoryEntry } from '../src/history.ts';

/** An operation of a history that a test writes down: when it was invoked and completed, and what it was. */
export interface Written {
  readonly process: string;
  readonly f: string;
  /** `[invoked, completed]` */
  readonly at: readonly [number, number];
  readonly type?: 'ok' | 'fail' | 'info';
  readonly key?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly token?: number;
  readonly until?: number;
}

export function historyOf(...written: readonly Written[]): History {
  const entries: HistoryEntry[] = [];
  for (const [
    op,
    { process, f, at, type = 'ok', key = 'k', input, output, token, until },
  ] of written.entries()) {
    entries.push({ process, op, f, key, type: 'invoke', at: at[0], value: input, token });
    entries.push({ process, op, f, key, type, at: at[1], value: output, token, until });
  }
  return entries.sort((a, b) => a.at - b.at || Number(b.type === 'invoke') - Number(a.type === 'invoke'));
}
