import { isLockstepError, type Logger } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { countOnce } from './redis-scripts.ts';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Every error must come within the call's deadline; scheduling on a loaded machine is allowed this much. */
export const slackMs = 750;

export interface LoadOutcome {
  readonly id: string;
  readonly ok: boolean;
  /** When it was started and how long it took, in milliseconds of `performance.now()`. */
  readonly at: number;
  readonly ms: number;
}

export interface Load {
  /** The longest time between two successes, and when the later of them came. */
  longestGap(): { readonly ms: number; readonly endedAt: number };
  stop(): Promise<LoadOutcome[]>;
}

export interface CountKeys {
  readonly counter: string;
  readonly seen: string;
  readonly runs: string;
}

/** The keys of {@link countOnce} under one name: several in one slot. */
export function countKeys(redis: Redis, name: string): CountKeys {
  const space = redis.keyspace('load', name);
  return { counter: space.key('counter'), seen: space.key('seen'), runs: space.key('runs') };
}

/** Counts ids one after the other in each of `workers` loops, until stopped. Anything but a typed error is thrown. */
export function startLoad(redis: Redis, keys: CountKeys, workers = 6): Load {
  const outcomes: LoadOutcome[] = [];
  let stopped = false;
  const work = async (): Promise<void> => {
    while (!stopped) {
      const id = crypto.randomUUID();
      const at = performance.now();
      const ok = await redis.run(countOnce, keys, { id }).then(
        () => true,
        (error: unknown) => {
          if (!isLockstepError(error, 'REDIS_UNAVAILABLE')) throw error;
          return false;
        },
      );
      outcomes.push({ id, ok, at, ms: performance.now() - at });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const running = Promise.all(Array.from({ length: workers }, work));
  // A test that fails before it stops the load has its own error to show.
  running.catch(() => {});
  return {
    longestGap: () => gapIn(outcomes),
    stop: async () => {
      stopped = true;
      await running;
      return outcomes;
    },
  };
}

function gapIn(outcomes: readonly LoadOutcome[]): { ms: number; endedAt: number } {
  const ends = outcomes.filter(({ ok }) => ok).map(({ at, ms }) => at + ms);
  const sorted = ends.toSorted((a, b) => a - b);
  let longest = { ms: 0, endedAt: 0 };
  for (const [index, end] of sorted.entries()) {
    const ms = end - (sorted[index - 1] ?? end);
    if (ms > longest.ms) longest = { ms, endedAt: end };
  }
  return longest;
}
