import { sleep, systemClock } from '@lockstep/core';

export type Settled<T> =
  | { readonly how: 'resolved'; readonly value: T; readonly ms: number }
  | { readonly how: 'rejected'; readonly error: unknown; readonly ms: number }
  | { readonly how: 'open'; readonly ms: number };

/** What became of a promise within `limitMs`. It goes on when it is still open. */
export async function settledWithin<T>(promise: Promise<T>, limitMs: number): Promise<Settled<T>> {
  const start = performance.now();
  const ms = (): number => Math.round(performance.now() - start);
  return Promise.race([
    promise.then(
      (value): Settled<T> => ({ how: 'resolved', value, ms: ms() }),
      (error: unknown): Settled<T> => ({ how: 'rejected', error, ms: ms() }),
    ),
    pause(limitMs).then((): Settled<T> => ({ how: 'open', ms: limitMs })),
  ]);
}

export function pause(ms: number): Promise<void> {
  return sleep(systemClock, ms);
}

/** As a cell tells it. */
export function told({ how, ms }: Settled<unknown>): string {
  if (how === 'open') return `no answer in ${seconds(ms)}`;
  return `${how === 'resolved' ? 'granted' : 'refused'} in ${seconds(ms)}`;
}

export function seconds(ms: number): string {
  return ms < 950 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
