/**
 * How an operation went: `invoke` opens it; `ok` and `fail` say that it certainly did or did not happen; `info` that
 * nobody knows (a time-out, a reset, a process that died).
 */
export type HistoryType = 'invoke' | 'ok' | 'fail' | 'info';

/** One line of a history. */
export interface HistoryEntry {
  /** Who did it. Every process writes its own entries, in order. */
  readonly process: string;
  /** Pairs an `invoke` with its completion; unique within a process. */
  readonly op: number;
  readonly type: HistoryType;
  /** The function, for example `acquire`; each checker says which names it reads. */
  readonly f: string;
  /** The object it was done to; histories of different keys are checked apart. */
  readonly key: string;
  /** The argument at `invoke`, the result at `ok`. */
  readonly value?: unknown;
  /** The fencing token that was granted or used. */
  readonly token?: number | undefined;
  /** Until when what was granted holds, on the clock of `at`. */
  readonly until?: number | undefined;
  /** Milliseconds on one clock for all processes of the history. */
  readonly at: number;
}

export type History = readonly HistoryEntry[];

/** An operation, put together from its entries. */
export interface Operation {
  readonly process: string;
  readonly f: string;
  readonly key: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly token: number | undefined;
  readonly until: number | undefined;
  /** `info` also when its process never wrote how it ended. */
  readonly type: Exclude<HistoryType, 'invoke'>;
  readonly invokedAt: number;
  /** `Infinity` for `info`: it may still happen later. */
  readonly completedAt: number;
}

/** The operations of a history in the order of their invocations. Throws for a completion without an invocation. */
export function operationsOf(history: History): Operation[] {
  const open = new Map<string, HistoryEntry>();
  const operations: Operation[] = [];
  for (const entry of history) {
    const id = `${entry.process} ${entry.op}`;
    if (entry.type === 'invoke') {
      open.set(id, entry);
      continue;
    }
    const invoked = open.get(id);
    if (invoked === undefined)
      throw new Error(`operation ${entry.op} of ${entry.process} ends without an invocation`);
    open.delete(id);
    operations.push(operation(invoked, entry));
  }
  for (const invoked of open.values()) operations.push(operation(invoked, undefined));
  return operations.sort((a, b) => a.invokedAt - b.invokedAt);
}

function operation(invoked: HistoryEntry, completed: HistoryEntry | undefined): Operation {
  const { process, f, key, at: invokedAt, value: input } = invoked;
  const type = completed === undefined || completed.type === 'invoke' ? 'info' : completed.type;
  return {
    process,
    f,
    key,
    input,
    output: completed?.value,
    token: completed?.token ?? invoked.token,
    until: completed?.until ?? invoked.until,
    type,
    invokedAt,
    completedAt: type === 'info' || completed === undefined ? Infinity : completed.at,
  };
}

/** The items by key, each in its order. */
export function byKey<T extends { readonly key: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.key);
    if (group === undefined) groups.set(item.key, [item]);
    else group.push(item);
  }
  return groups;
}
