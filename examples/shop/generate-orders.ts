import { parseArgs } from 'node:util';

// Writes orders to standard output, the same ones for the same seed. How orders.ndjson was made:
//   node --import tsx generate-orders.ts > orders.ndjson
// and how to make a larger file for --input: add --count 100000.
const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000' }, seed: { type: 'string', default: '2026' } },
});

const catalogue = [
  ['MUG-STONEWARE-BLUE', 1490],
  ['MUG-STONEWARE-SAND', 1490],
  ['TEAPOT-CAST-IRON-08', 5900],
  ['COFFEE-BEANS-HOUSE-1KG', 2350],
  ['COFFEE-BEANS-DECAF-500G', 1420],
  ['GRINDER-HAND-STEEL', 8900],
  ['FILTER-PAPER-V60-100', 690],
  ['KETTLE-GOOSENECK-1L', 6450],
  ['SCALE-POCKET-01G', 3990],
  ['CUP-TRAVEL-350ML', 2490],
  ['TEA-GREEN-SENCHA-100G', 1180],
  ['TEA-BLACK-ASSAM-250G', 990],
  ['SPOON-SET-6', 1750],
  ['GIFT-CARD-25', 2500],
] as const;
const issuers = [
  ...['harbor-bank', 'harbor-bank', 'harbor-bank', 'meridian-bank', 'meridian-bank', 'meridian-bank'],
  ...['credit-union-41', 'credit-union-41', 'alpine-bank', 'alpine-bank', 'alpine-bank', 'northwind-bank'],
];
const shippingCents = [0, 490, 490, 490, 990];
const start = Date.UTC(2026, 2, 2, 6, 0, 0);

/** Mulberry32: small, fast, and the same numbers on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seeded(Number(values.seed));
const whole = (most: number): number => Math.floor(random() * most);
const pick = <T>(list: readonly T[]): T => list[whole(list.length)]!;
const chance = (share: number): boolean => random() < share;

function makeOrder(number: number, placedAt: number) {
  const customerId = `cust-${String(whole(400)).padStart(4, '0')}`;
  const items = Array.from({ length: 1 + whole(3) }, () => {
    const [sku, unitPriceCents] = pick(catalogue);
    return { sku, quantity: chance(0.8) ? 1 : 2 + whole(4), unitPriceCents };
  });
  const shipping = pick(shippingCents);
  const totalCents = items.reduce(
    (sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents,
    shipping,
  );
  return {
    orderId: `ord-${String(number).padStart(6, '0')}`,
    customerId,
    email: `${customerId}@example.com`,
    placedAt: new Date(placedAt).toISOString(),
    currency: 'EUR',
    items,
    shippingCents: shipping,
    totalCents,
    card: { token: cardToken(), issuer: pick(issuers) },
  };
}

/** Of a hundred cards two can never pay. */
function cardToken(): string {
  const id = whole(0xffffffff).toString(16).padStart(8, '0');
  if (chance(0.012)) return `tok_stolen_${id}`;
  return chance(0.01) ? `tok_expired_${id}` : `tok_${id}`;
}

/** What goes wrong on the way: every 250th line arrives damaged, in turn in one of these manners. */
const damages: readonly ((order: ReturnType<typeof makeOrder>) => string)[] = [
  (order) => JSON.stringify(order).slice(0, 120),
  (order) => JSON.stringify({ ...order, totalCents: order.totalCents + 100 }),
  (order) => JSON.stringify({ ...order, items: order.items.map((item) => ({ ...item, quantity: -1 })) }),
  (order) => JSON.stringify({ ...order, orderId: 'ord-000001' }),
];

let placedAt = start;
for (let number = 1; number <= Number(values.count); number += 1) {
  placedAt += 500 + whole(60_000);
  const order = makeOrder(number, placedAt);
  const damage = number % 250 === 113 ? damages[Math.floor(number / 250) % damages.length] : undefined;
  process.stdout.write(`${damage ? damage(order) : JSON.stringify(order)}\n`);
}
