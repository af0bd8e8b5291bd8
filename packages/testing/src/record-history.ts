import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { History, HistoryEntry, HistoryType } from './history.ts';

export interface RecordHistoryOptions {
  /** Who writes. @defaultValue the process id */
  readonly process?: string | undefined;
  /** Also append each entry to this NDJSON file. One file per process, outside the Redis under test. */
  readonly file?: string | undefined;
  /**
   * Milliseconds on a clock that all processes of the history share. @defaultValue the machine's monotonic clock, which
   * is one for all processes of a machine; pass `() => clock.monotonic()` with a manual clock
   */
  readonly now?: (() => number) | undefined;
}

/** What a completion may tell beside its type. */
export interface Completion {
  readonly value?: unknown;
  readonly token?: number | undefined;
  readonly until?: number | undefined;
}

export interface Invocation extends Completion {
  readonly key?: string | undefined;
}

/** An operation under way. It is completed once; one that never is counts as unknown. */
export interface OpenOperation {
  ok(completion?: Completion): void;
  fail(completion?: Completion): void;
  info(completion?: Completion): void;
}

/** Starts to record what one process does. */
export function recordHistory(options: RecordHistoryOptions = {}): HistoryRecorder {
  return new HistoryRecorder(options);
}

/** Made by {@link recordHistory}. */
export class HistoryRecorder implements Disposable {
  readonly #process: string;
  readonly #now: () => number;
  readonly #file: number | undefined;
  readonly #entries: HistoryEntry[] = [];
  #operations = 0;

  constructor(options: RecordHistoryOptions) {
    this.#process = options.process ?? String(process.pid);
    this.#now = options.now ?? machineMonotonic;
    this.#file = options.file === undefined ? undefined : openSync(options.file, 'a');
  }

  get entries(): History {
    return this.#entries;
  }

  /** Call it before the request is sent, and complete the result after the reply came. */
  invoke(f: string, { key = '', ...rest }: Invocation = {}): OpenOperation {
    const op = ++this.#operations;
    let completed = false;
    this.#write({ op, type: 'invoke', f, key, ...rest });
    const complete = (type: HistoryType, completion: Completion = {}): void => {
      if (completed) throw new Error(`operation ${op} (${f}) was completed before`);
      completed = true;
      this.#write({ op, type, f, key, ...completion });
    };
    return {
      ok: (completion) => complete('ok', completion),
      fail: (completion) => complete('fail', completion),
      info: (completion) => complete('info', completion),
    };
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #write(entry: Omit<HistoryEntry, 'process' | 'at'>): void {
    const line = { process: this.#process, ...entry, at: this.#now() };
    this.#entries.push(line);
    // One synchronous write: what was recorded before a SIGKILL is in the file.
    if (this.#file !== undefined) writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** Reads the files of several processes into one history, ordered by time. A last line cut off by a kill is left out. */
export async function loadHistory(...files: readonly string[]): Promise<History> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return mergeHistories(...texts.map(parseLines));
}

/** One history from those of several processes, ordered by time; entries of one process keep their order. */
export function mergeHistories(...histories: readonly History[]): History {
  return histories.flat().sort((a, b) => a.at - b.at);
}

function parseLines(text: string): HistoryEntry[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryEntry);
}

function machineMonotonic(): number {
  // oxlint-disable-next-line no-restricted-properties -- performance.now() starts anew in each process, this does not
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
