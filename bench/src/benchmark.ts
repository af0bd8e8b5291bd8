import type { BenchServer } from './server.ts';

/** What a benchmark is given. */
export interface BenchContext {
  readonly server: BenchServer;
  readonly rounds: number;
}

/** A figure that the design promises. */
export interface Bar {
  readonly promise: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly bars: readonly Bar[];
  /** What the cells were made of, for the JSON file. */
  readonly data: unknown;
}

export interface Benchmark {
  run(context: BenchContext): Promise<Table[]>;
}

export function atMost(
  promise: string,
  limit: number,
  measured: number,
  show: (value: number) => string = String,
): Bar {
  return { promise, measured: show(measured), met: measured <= limit };
}

export function atLeast(
  promise: string,
  limit: number,
  measured: number,
  show: (value: number) => string = String,
): Bar {
  return { promise, measured: show(measured), met: measured >= limit };
}
