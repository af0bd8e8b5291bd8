import { LayoutTooNewError } from '@lockstep/core';

/** How the data of a lock is laid out in Redis. A script that finds a newer one writes nothing. */
export const layout = 1;

/** What Redis says to a request for a lease. */
export type Answer =
  | {
      readonly kind: 'granted';
      readonly fencingToken: number;
      /** The token is that of the lease that this one nests in, whatever other nodes of a quorum say. */
      readonly settled: boolean;
    }
  /** In line at `position`, from 1; 0 when it did not ask to wait. Look again after `recheckMs`; -1 for no hint. */
  | { readonly kind: 'busy'; readonly position: number; readonly recheckMs: number }
  /** The request was given up or released before: it must not be granted. */
  | { readonly kind: 'gone' };

const granted = 1;
const busy = 0;
export const gone = 2;
const newer = 3;

/** Reads `{1, token}`, `{1, token, 1}` for a settled one, `{0, position, recheckMs}`, `{2}` or `{3, layout}`. */
export function parseAnswer(reply: unknown): Answer {
  const [code, first, second] = reply as [number, string | number, number];
  if (code === granted) return { kind: 'granted', fencingToken: Number(first), settled: second === 1 };
  if (code === busy) return { kind: 'busy', position: Number(first), recheckMs: Number(second) };
  if (code === gone) return { kind: 'gone' };
  throw tooNew(first);
}

/** Throws for `{3, layout}`: what a script says that found a newer layout and wrote nothing. */
export function refuseNewer(reply: unknown): void {
  if (Array.isArray(reply) && reply[0] === newer) throw tooNew(reply[1] as string);
}

export function tooNew(found: string | number): LayoutTooNewError {
  return new LayoutTooNewError({ what: 'lock', found: Number(found), known: layout });
}

/** Whether a lease was ours when it was given back. */
export type ReleaseOutcome = 'released' | 'expired';

/** Reads 1 or 0, or `{3, layout}`. */
export function parseRelease(reply: unknown): ReleaseOutcome {
  refuseNewer(reply);
  return reply === 1 ? 'released' : 'expired';
}
