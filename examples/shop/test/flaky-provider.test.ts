import { expect, test } from 'vitest';
import { ChargeLedger, FlakyProvider, type ChargeOutcome, type ChargeRequest } from '@lockstep-shop/payments';

function openProvider(seed = 1, outage: string[] = []) {
  const late: ChargeRequest[] = [];
  const ledger = new ChargeLedger();
  const provider = new FlakyProvider({ ledger, seed, outage, onStale: (request) => late.push(request) });
  return { provider, ledger, late };
}

function request(change: Partial<ChargeRequest> = {}): ChargeRequest {
  return {
    orderId: 'ord-1',
    amountCents: 100,
    currency: 'EUR',
    card: { token: 'tok_1', issuer: 'harbor-bank' },
    fencingToken: 1,
    worker: 'payments-1',
    attempt: 1,
    delivery: 1,
    ...change,
  };
}

/** Asks until the money has moved, as the queue does. */
async function chargeUntilCaptured(provider: FlakyProvider, asked: ChargeRequest): Promise<void> {
  let outcome: ChargeOutcome | undefined;
  while (outcome?.status !== 'captured') {
    outcome = await provider.charge(asked).catch(() => undefined);
  }
}

const orders = Array.from({ length: 200 }, (_, n) => request({ orderId: `ord-${n}` }));

test('an order is charged once, however often it is asked for', async () => {
  const { provider, ledger } = openProvider();
  await chargeUntilCaptured(provider, request());
  expect(await provider.charge(request({ fencingToken: 2 }))).toEqual({
    status: 'captured',
    chargeId: 'ch_ord-1',
    repeated: true,
  });
  expect(ledger.find('ord-1')).toMatchObject({ captures: 1, repeats: expect.any(Number) });
});

test('a request with a smaller fencing token than seen is refused, whether or not the order is paid', async () => {
  const { provider, ledger, late } = openProvider(1, ['harbor-bank']);
  await provider.charge(request({ fencingToken: 7, worker: 'payments-2' }));
  const old = request({ fencingToken: 6 });
  expect(await provider.charge(old)).toEqual({ status: 'stale', newestToken: 7 });
  provider.endOutage();
  await chargeUntilCaptured(provider, request({ fencingToken: 7 }));
  expect(await provider.charge(old)).toEqual({ status: 'stale', newestToken: 7 });
  expect(late).toEqual([old, old]);
  expect(ledger.find('ord-1')).toMatchObject({ captures: 1, stale: 2 });
});

test('the same seed fails the same requests, another seed others', async () => {
  const fates = async (seed: number): Promise<string> => {
    const { provider } = openProvider(seed);
    const outcomes = await Promise.allSettled(orders.map((order) => provider.charge(order)));
    return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.status : 'lost')).join();
  };
  expect(await fates(1)).toBe(await fates(1));
  expect(await fates(1)).not.toBe(await fates(2));
});

test('some requests fail, and of some only the answer is lost', async () => {
  const { provider, ledger } = openProvider();
  const outcomes = await Promise.allSettled(orders.map((order) => provider.charge(order)));
  const lost = outcomes.flatMap(({ status }, n) => (status === 'rejected' ? [orders[n]!.orderId] : []));
  const failed = outcomes.filter(
    (outcome) => outcome.status === 'fulfilled' && outcome.value.status === 'unavailable',
  );
  expect(failed.length).toBeGreaterThan(0);
  expect(lost.length).toBeGreaterThan(0);
  for (const orderId of lost) expect(ledger.find(orderId)).toMatchObject({ captures: 1 });
  expect(ledger.captured).toBe(orders.length - failed.length);
});

test('a stolen or expired card is declined', async () => {
  const { provider, ledger } = openProvider();
  for (const [token, reason] of [
    ['tok_stolen_1', 'card reported stolen'],
    ['tok_expired_1', 'card expired'],
  ] as const) {
    const card = { token, issuer: 'harbor-bank' };
    expect(await provider.charge(request({ card }))).toEqual({ status: 'declined', reason });
  }
  expect(ledger.captured).toBe(0);
});

test('cards of a bank that is away are unavailable until it is back', async () => {
  const { provider } = openProvider(1, ['harbor-bank']);
  for (let asked = 0; asked < 20; asked += 1) {
    expect(await provider.charge(request())).toMatchObject({ status: 'unavailable' });
  }
  provider.endOutage();
  await chargeUntilCaptured(provider, request());
});
