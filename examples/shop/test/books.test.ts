import { expect, test } from 'vitest';
import { OrderBook } from '@lockstep-shop/orders';
import { ChargeLedger, type ChargeRequest } from '@lockstep-shop/payments';
import { closeBooks, type BooksSources, type QueueTotals } from '../src/books.ts';
import { closingTable } from '../src/closing-table.ts';
import { sampleOrder } from './sample-order.ts';

const idle: QueueTotals = { completed: 1, failed: 4, reclaimed: 1, redriven: 1, dead: 1 };

/** A day with two orders, the first paid, the second dead, and one line that is none. */
function day(): BooksSources & { readonly ledger: ChargeLedger } {
  const book = new OrderBook(() => {});
  for (const [index, orderId] of ['ord-1', 'ord-2'].entries()) {
    book.enter({ number: index + 1, text: JSON.stringify(sampleOrder({ orderId })) });
  }
  book.enter({ number: 3, text: 'nonsense' });
  const ledger = new ChargeLedger();
  capture(ledger, 'ord-1');
  return {
    book,
    ledger,
    deadLetters: new Map([['ord-2', 'card expired']]),
    redriven: new Set(['ord-1', 'ord-2']),
    stats: idle,
  };
}

function capture(ledger: ChargeLedger, orderId: string): void {
  const request: ChargeRequest = {
    orderId,
    amountCents: 2_490,
    currency: 'EUR',
    card: { token: 'tok_1', issuer: 'harbor-bank' },
    fencingToken: 1,
    worker: 'payments-1',
    attempt: 1,
    delivery: 1,
  };
  ledger.capture(ledger.enter(request));
}

test('books that add up have no problems', () => {
  const books = closeBooks(day());
  expect(books).toMatchObject({
    received: 3,
    rejected: 1,
    dead: 1,
    paid: { count: 1, atOnce: 1, later: 0, afterRedrive: 1 },
    deliveries: { total: 6, repeated: 4, failed: 4, reclaimed: 1, redriven: 1 },
    problems: [],
  });
  expect(closingTable(books)).toContain('1 paid + 1 dead + 1 rejected = 3 of 3 orders: the books add up.');
  expect(closingTable(books)).toMatch(/paid +1 +24\.90 EUR/);
});

test('an order that is neither paid nor dead is named', () => {
  const books = closeBooks({ ...day(), deadLetters: new Map(), stats: { ...idle, dead: 0 } });
  expect(books.problems).toEqual([
    'order ord-2 is neither paid nor dead: it was lost',
    'orders: 3, but paid + dead + rejected: 2',
  ]);
  expect(closingTable(books)).toContain('THE BOOKS DO NOT ADD UP');
});

test('an order that is paid and dead is named', () => {
  const sources = day();
  capture(sources.ledger, 'ord-2');
  expect(closeBooks(sources).problems).toContain('order ord-2 is paid, and a dead letter too');
});

test('an order that was charged twice is a problem', () => {
  const sources = day();
  capture(sources.ledger, 'ord-1');
  const books = closeBooks(sources);
  expect(books.charges.double).toBe(1);
  expect(books.problems).toEqual(['1 orders were charged twice']);
});

test('an order that nobody sent is named', () => {
  const sources = day();
  capture(sources.ledger, 'ord-9');
  expect(closeBooks(sources).problems).toContain('order ord-9 was charged or is dead, and never came in');
});

test('a queue that counts otherwise than the provider is a problem', () => {
  const books = closeBooks({ ...day(), stats: { ...idle, completed: 2 } });
  expect(books.problems).toEqual(['orders paid: 1, but tasks completed: 2']);
});

test('of many problems the table shows the first twenty', () => {
  const sources = day();
  for (let n = 0; n < 30; n += 1) capture(sources.ledger, `stray-${n}`);
  const table = closingTable(closeBooks(sources));
  expect(table.match(/never came in/g)).toHaveLength(20);
  expect(table).toMatch(/\.\.\. and \d+ more/);
});
