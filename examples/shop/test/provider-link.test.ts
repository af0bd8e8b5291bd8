import { expect, test } from 'vitest';
import {
  ProviderLink,
  providerClient,
  serveProvider,
  type ChargeRequest,
  type PaymentProvider,
} from '@lockstep-shop/payments';
import { ManualClock } from '@lockstep/testing';

const request: ChargeRequest = {
  orderId: 'ord-1',
  amountCents: 100,
  currency: 'EUR',
  card: { token: 'tok_1', issuer: 'harbor-bank' },
  fencingToken: 1,
  worker: 'payments-1',
  attempt: 1,
  delivery: 1,
};
const captured = { status: 'captured', chargeId: 'ch_1', repeated: false } as const;
const { signal } = new AbortController();

function openLink() {
  const arrived: string[] = [];
  const clock = new ManualClock();
  const provider: PaymentProvider = {
    async charge({ orderId }) {
      arrived.push(orderId);
      return captured;
    },
  };
  // 0.5 + 1.5 x 1/3: the latency as it was asked for.
  const link = new ProviderLink({ provider, clock, latencyMs: 100, random: () => 1 / 3 });
  return { link, clock, arrived };
}

test('a request takes half of the latency to arrive, its answer the other half', async () => {
  const { link, clock, arrived } = openLink();
  const outcome = link.charge(request, { signal });
  await clock.advance(49);
  expect(arrived).toEqual([]);
  expect(link.outbound).toBe(1);
  await clock.advance(1);
  expect(arrived).toEqual(['ord-1']);
  expect(link.outbound).toBe(0);
  expect([...link.onTheWay]).toEqual(['ord-1']);
  await clock.advance(50);
  expect(await outcome).toEqual(captured);
  expect(link.onTheWay.size).toBe(0);
});

test('a frozen link lets nothing through until it thaws', async () => {
  const { link, clock, arrived } = openLink();
  const outcome = link.charge(request, { signal });
  link.freeze();
  await clock.advance(60_000);
  expect(arrived).toEqual([]);
  link.thaw();
  await clock.advance(50);
  expect(await outcome).toEqual(captured);
});

test('a worker in a process of its own gets the same outcomes over HTTP, and an error where the answer is lost', async () => {
  const outcomes = [async () => captured, async () => Promise.reject(new Error('lost'))];
  await using server = await serveProvider({ charge: () => outcomes.shift()!() });
  const client = providerClient(server.url);
  expect(await client.charge(request, { signal })).toEqual(captured);
  await expect(client.charge(request, { signal })).rejects.toThrow('fetch failed');
});
