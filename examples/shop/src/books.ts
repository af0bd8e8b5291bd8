import type { OrderBook } from '@lockstep-shop/orders';
import type { ChargeAccount, ChargeLedger } from '@lockstep-shop/payments';
import type { QueueStats } from '@lockstep/task-queue';
import { countBy } from './count-by.ts';

export interface BooksSources {
  readonly book: OrderBook;
  readonly ledger: ChargeLedger;
  /** Orders among the dead letters, with the reason. */
  readonly deadLetters: ReadonlyMap<string, string>;
  /** Orders that were dead letters once and were sent back. */
  readonly redriven: ReadonlySet<string>;
  readonly stats: QueueTotals;
}

/** What the queue counted. */
export type QueueTotals = Pick<QueueStats, 'completed' | 'failed' | 'reclaimed' | 'redriven' | 'dead'>;

/** What became of all orders, from three books that know nothing of each other: the shop's, the provider's, the queue's. */
export interface Books {
  readonly received: number;
  readonly rejected: number;
  readonly paid: PaidOrders;
  readonly dead: number;
  readonly deadByReason: ReadonlyMap<string, number>;
  readonly deliveries: Deliveries;
  readonly charges: Charges;
  /** What does not add up, in words; empty when everything does. */
  readonly problems: readonly string[];
}

export interface PaidOrders {
  readonly count: number;
  /** The first charge request got through, ... */
  readonly atOnce: number;
  /** ... or a later one, ... */
  readonly later: number;
  /** ... among them those of orders that had been dead letters. */
  readonly afterRedrive: number;
  readonly centsByCurrency: ReadonlyMap<string, number>;
}

/** How often tasks were handed to a worker. */
export interface Deliveries {
  readonly total: number;
  /** Beyond the first of each order. */
  readonly repeated: number;
  readonly failed: number;
  /** Whose worker was not heard of again before its lease was over. */
  readonly reclaimed: number;
  readonly redriven: number;
}

/** What workers asked of the provider. */
export interface Charges {
  readonly requests: number;
  /** Asked for an order that was paid: answered from the books, no money moved. */
  readonly repeated: number;
  /** Asked with a fencing token that was outdated: refused. */
  readonly stale: number;
  /** Orders whose money moved more than once. */
  readonly double: number;
}

/** Closes the books: looks at every order, not only at the sums. */
export function closeBooks({ book, ledger, deadLetters, redriven, stats }: BooksSources): Books {
  const accounts = [...ledger.accounts()];
  const paid = paidOrders(accounts, redriven);
  const charges = chargesOf(accounts);
  const problems = [
    ...strayOrders(book, ledger, deadLetters),
    ...unknownOrders(book, accounts, deadLetters),
    ...disagreement('orders paid', paid.count, 'tasks completed', stats.completed),
    ...disagreement('dead letters listed', deadLetters.size, 'dead letters counted', stats.dead),
    ...disagreement(
      'orders',
      book.received,
      'paid + dead + rejected',
      paid.count + deadLetters.size + book.rejected,
    ),
    ...(charges.double > 0 ? [`${charges.double} orders were charged twice`] : []),
  ];
  return {
    received: book.received,
    rejected: book.rejected,
    paid,
    dead: deadLetters.size,
    deadByReason: countBy(deadLetters.values()),
    deliveries: deliveriesOf(stats, book.accepted),
    charges,
    problems,
  };
}

function paidOrders(accounts: readonly Readonly<ChargeAccount>[], redriven: ReadonlySet<string>): PaidOrders {
  const captured = accounts.filter(({ captures }) => captures > 0);
  const centsByCurrency = new Map<string, number>();
  for (const { currency, amountCents } of captured) {
    centsByCurrency.set(currency, (centsByCurrency.get(currency) ?? 0) + amountCents);
  }
  const atOnce = captured.filter(({ capturedBy }) => capturedBy === 1).length;
  const afterRedrive = captured.filter(({ orderId }) => redriven.has(orderId)).length;
  return { count: captured.length, atOnce, later: captured.length - atOnce, afterRedrive, centsByCurrency };
}

/** In the end each handing-out was answered by a completion or a failure, or its lease ran out. */
function deliveriesOf({ completed, failed, reclaimed, redriven }: QueueTotals, orders: number): Deliveries {
  const total = completed + failed + reclaimed;
  return { total, repeated: total - orders, failed, reclaimed, redriven };
}

function chargesOf(accounts: readonly Readonly<ChargeAccount>[]): Charges {
  const sum = (field: 'requests' | 'repeats' | 'stale'): number =>
    accounts.reduce((total, account) => total + account[field], 0);
  return {
    requests: sum('requests'),
    repeated: sum('repeats'),
    stale: sum('stale'),
    double: accounts.filter(({ captures }) => captures > 1).length,
  };
}

/** Orders that were taken and are neither paid nor dead, or both. */
function* strayOrders(
  book: OrderBook,
  ledger: ChargeLedger,
  dead: ReadonlyMap<string, string>,
): Iterable<string> {
  for (const orderId of book.acceptedIds) {
    const isPaid = (ledger.find(orderId)?.captures ?? 0) > 0;
    if (!isPaid && !dead.has(orderId)) yield `order ${orderId} is neither paid nor dead: it was lost`;
    if (isPaid && dead.has(orderId)) yield `order ${orderId} is paid, and a dead letter too`;
  }
}

/** Orders that nobody took. */
function* unknownOrders(
  book: OrderBook,
  accounts: readonly Readonly<ChargeAccount>[],
  dead: ReadonlyMap<string, string>,
): Iterable<string> {
  for (const orderId of [...accounts.map((account) => account.orderId), ...dead.keys()]) {
    if (!book.has(orderId)) yield `order ${orderId} was charged or is dead, and never came in`;
  }
}

function* disagreement(one: string, ones: number, other: string, others: number): Iterable<string> {
  if (ones !== others) yield `${one}: ${ones}, but ${other}: ${others}`;
}
