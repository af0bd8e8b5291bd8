import { sleep, type Clock } from '@lockstep/core';
import type { OrderBook } from '@lockstep-shop/orders';
import type { ChargeLedger } from '@lockstep-shop/payments';
import type { Output } from './output.ts';
import { waiting, type QueueWatch } from './queue-watch.ts';

export interface ProgressOptions {
  readonly output: Output;
  readonly book: OrderBook;
  readonly ledger: ChargeLedger;
  readonly watch: QueueWatch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const intervalMs = 1_000;

/** Says once a second how far things are, until the signal aborts. */
export async function showProgress(options: ProgressOptions): Promise<void> {
  const { output, clock, signal } = options;
  const start = clock.monotonic();
  while (!signal.aborted) {
    output.status(`${seconds(clock.monotonic() - start)}  ${describe(options)}`);
    await sleep(clock, intervalMs, { signal }).catch(() => {});
  }
  output.status(`${seconds(clock.monotonic() - start)}  ${describe(options)}`);
  output.endStatus();
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(6)} s`;
}

function describe({ book, ledger, watch }: ProgressOptions): string {
  const { ready, delayed, leased, dead } = watch.latest;
  const figures = {
    orders: book.received,
    paid: ledger.captured,
    waiting: waiting(ready),
    'in hand': leased,
    'to retry': delayed,
    dead,
    rejected: book.rejected,
  };
  return Object.entries(figures)
    .map(([label, figure]) => `${label} ${`${figure}`.padEnd(4)}`)
    .join('  ');
}
