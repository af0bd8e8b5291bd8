import type { Rung } from './ladder.ts';
import type { SiteKind } from './site/site.ts';

/** What behaviour suites run on besides memory. */
export const realTopologies = ['standalone', 'sentinel', 'cluster'] as const;

export type RealTopology = (typeof realTopologies)[number];

/** What the global set-up hands to the suites. */
export interface SharedRedis {
  readonly rung: Rung;
  /** Which Redis it is, for the report. */
  readonly line: string;
  readonly site: SiteKind | null;
  /** URLs of the shared servers; a topology that could not be started is missing. */
  readonly urls: Readonly<Partial<Record<RealTopology, string>>>;
  /** Whether the run leaves out cases by name, so that counts mean nothing. */
  readonly filtered: boolean;
}

declare module 'vitest' {
  export interface ProvidedContext {
    redis: SharedRedis;
  }
}
