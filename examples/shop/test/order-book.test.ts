import { describe, expect, test } from 'vitest';
import { OrderBook, type Rejection } from '@lockstep-shop/orders';
import { sampleOrder } from './sample-order.ts';

function openBook() {
  const rejections: Rejection[] = [];
  const book = new OrderBook((rejection) => rejections.push(rejection));
  return { book, rejections };
}

test('an order is entered with its line', () => {
  const { book, rejections } = openBook();
  expect(book.enter({ number: 1, text: JSON.stringify(sampleOrder()) })).toEqual(sampleOrder());
  expect(book).toMatchObject({ received: 1, accepted: 1, rejected: 0 });
  expect([...book.acceptedIds]).toEqual(['ord-1']);
  expect(rejections).toEqual([]);
});

describe('a line is rejected, with its number and the reason, when', () => {
  test.each([
    ['it is not JSON', '{"orderId":', 'is not JSON'],
    ['it is no object', '42', 'the line: Invalid input: expected object, received number'],
    [
      'a field is missing',
      JSON.stringify({ ...sampleOrder(), card: undefined }),
      'card: Invalid input: expected object, received undefined',
    ],
    [
      'a quantity makes no sense',
      JSON.stringify(sampleOrder({ items: [{ sku: 'MUG', quantity: 0, unitPriceCents: 1 }] })),
      'items.0.quantity: Too small: expected number to be >=1',
    ],
    [
      'the total is not the sum',
      JSON.stringify(sampleOrder({ totalCents: 1 })),
      'totalCents: is 1, the items add up to 2490',
    ],
  ])('%s', (_case, text, reason) => {
    const { book, rejections } = openBook();
    expect(book.enter({ number: 7, text })).toBeUndefined();
    expect(rejections).toEqual([{ line: 7, reason }]);
    expect(book).toMatchObject({ received: 1, accepted: 0, rejected: 1 });
  });

  test('it could not be read as text', () => {
    const { book, rejections } = openBook();
    book.enter({ number: 7, text: '', problem: 'is not UTF-8' });
    expect(rejections).toEqual([{ line: 7, reason: 'is not UTF-8' }]);
  });

  test('its order was taken before', () => {
    const { book, rejections } = openBook();
    const text = JSON.stringify(sampleOrder());
    book.enter({ number: 3, text });
    expect(book.enter({ number: 9, text })).toBeUndefined();
    expect(rejections).toEqual([{ line: 9, reason: 'order ord-1 was taken already, on line 3' }]);
    expect(book).toMatchObject({ received: 2, accepted: 1, rejected: 1 });
  });
});
