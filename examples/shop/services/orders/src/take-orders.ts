import type { OrderBook, OrderLine } from './order-book.ts';
import type { PaymentRequests } from './payment-requests.ts';

export interface TakeOrdersOptions {
  readonly lines: AsyncIterable<OrderLine>;
  readonly book: OrderBook;
  readonly requests: PaymentRequests;
  /** Waits while the shop has more open orders than it wants to hold in Redis. */
  readonly room: () => Promise<void>;
}

/** Enters each line into the book and asks for the payment of those that are orders. Ends with the input. */
export async function takeOrders({ lines, book, requests, room }: TakeOrdersOptions): Promise<void> {
  for await (const line of lines) {
    const order = book.enter(line);
    if (order === undefined) continue;
    await room();
    await requests.add(order);
  }
  await requests.flush();
}
