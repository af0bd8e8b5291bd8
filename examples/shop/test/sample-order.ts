import type { Order } from '@lockstep-shop/contracts';

/** A valid order, and what is to be different about it. */
export function sampleOrder(change: Partial<Order> = {}): Order {
  return {
    orderId: 'ord-1',
    customerId: 'cust-1',
    email: 'cust-1@example.com',
    placedAt: '2026-03-02T06:00:00.000Z',
    currency: 'EUR',
    items: [{ sku: 'MUG', quantity: 2, unitPriceCents: 1_000 }],
    shippingCents: 490,
    totalCents: 2_490,
    card: { token: 'tok_1', issuer: 'harbor-bank' },
    ...change,
  };
}

/** Orders as a file has them. */
export function sampleFile(...lines: (Order | string)[]): string {
  return lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
}
