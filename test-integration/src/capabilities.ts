import type { RealTopology } from './topologies.ts';

/** A case that does not run on a topology, and why that is right. */
export interface MissingCase {
  readonly suite: string;
  readonly topology: RealTopology;
  /** The case's full name within its suite: the titles of its `describe`s and its own, joined by ` > `. */
  readonly name: string;
  readonly reason: string;
}

/** Whatever else runs on memory runs on every real topology. An entry whose case does run fails the run as well. */
export const missingCases: readonly MissingCase[] = [];
