import { sleep, type Clock } from '@lockstep/core';
import type { OrderBook } from '@lockstep-shop/orders';
import type { ChargeLedger } from '@lockstep-shop/payments';
import type { Output } from './output.ts';
import type { Victim } from './victim.ts';

export interface AccidentOptions {
  readonly victim: Victim;
  readonly book: OrderBook;
  readonly ledger: ChargeLedger;
  readonly output: Output;
  readonly clock: Clock;
  /** Aborts when all work is done: too late for an accident. */
  readonly done: AbortSignal;
}

const paidBefore = 300;
const shareBefore = 0.3;

/** Kills the victim in the middle of its work, and ends what is left of it. Resolves with whether there was a chance to. */
export async function accident({
  victim,
  book,
  ledger,
  output,
  clock,
  done,
}: AccidentOptions): Promise<boolean> {
  const isTime = (): boolean =>
    victim.isBusy() && ledger.captured >= Math.min(paidBefore, Math.max(1, book.accepted * shareBefore));
  while (!done.aborted && !isTime()) await sleep(clock, 5, { signal: done }).catch(() => {});
  const happens = !done.aborted;
  if (happens)
    output.line(`${victim.name} ${await victim.kill()}; its orders come back when their leases run out`);
  await victim.bury();
  return happens;
}
