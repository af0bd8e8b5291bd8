import { z } from 'zod';

const cents = z.int().min(0);
const currency = z.string().regex(/^[A-Z]{3}$/, 'must be three capital letters');

const orderItem = z.object({
  sku: z.string().min(1),
  quantity: z.int().min(1),
  unitPriceCents: cents,
});

const card = z.object({
  /** Stands for the card at the payment provider; the number itself never comes here. */
  token: z.string().min(1),
  /** The bank that gave out the card. */
  issuer: z.string().min(1),
});

/** An order as customers send it: one line of JSON. */
export const order = z
  .object({
    orderId: z.string().regex(/^[\w.-]{1,64}$/, 'must be 1..64 letters, digits, dots, dashes or underscores'),
    customerId: z.string().min(1),
    email: z.email(),
    placedAt: z.iso.datetime(),
    currency,
    items: z.array(orderItem).min(1),
    shippingCents: cents,
    totalCents: cents,
    card,
  })
  .superRefine(({ items, shippingCents, totalCents }, context) => {
    const sum = items.reduce((total, item) => total + item.quantity * item.unitPriceCents, shippingCents);
    if (sum !== totalCents) {
      context.addIssue({
        code: 'custom',
        path: ['totalCents'],
        message: `is ${totalCents}, the items add up to ${sum}`,
      });
    }
  });

export type Order = z.output<typeof order>;

/** What a payment needs to know of an order, and no more: no address, no items. */
export const payment = z.object({
  orderId: z.string(),
  amountCents: cents,
  currency,
  card,
});

export type Payment = z.output<typeof payment>;
