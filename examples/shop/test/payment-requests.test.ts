import { expect, test } from 'vitest';
import { RedisUnavailableError } from '@lockstep/core';
import { PaymentRequests, type PaymentsQueue } from '@lockstep-shop/orders';
import { eventually, ManualClock } from '@lockstep/testing';
import { sampleOrder } from './sample-order.ts';

/** A queue that only notes the ids of each call; `fail` is asked before each. */
function notingQueue(fail: (call: number) => Error | undefined = () => undefined) {
  const calls: string[][] = [];
  const queue = {
    async enqueueMany(entries: readonly { readonly id?: string | undefined }[]) {
      calls.push(entries.map(({ id }) => id!));
      const failure = fail(calls.length);
      if (failure) throw failure;
      return [];
    },
  } as unknown as PaymentsQueue;
  return { queue, calls };
}

const unavailable = (): Error =>
  new RedisUnavailableError('away', { reason: 'connection', outcomeUnknown: true });

test('orders that come in while a call is under way share the next one', async () => {
  const { queue, calls } = notingQueue();
  const requests = new PaymentRequests({ queue, clock: new ManualClock(), batchSize: 3 });
  for (const n of [1, 2, 3, 4, 5, 6]) await requests.add(sampleOrder({ orderId: `ord-${n}` }));
  await requests.flush();
  expect(calls.flat()).toEqual(['ord-1', 'ord-2', 'ord-3', 'ord-4', 'ord-5', 'ord-6']);
  expect(calls.length).toBeLessThan(6);
  expect(Math.max(...calls.map((ids) => ids.length))).toBeLessThanOrEqual(3);
});

test('a call that Redis did not answer is made again with the same ids', async () => {
  const clock = new ManualClock();
  const { queue, calls } = notingQueue((call) => (call === 1 ? unavailable() : undefined));
  const requests = new PaymentRequests({ queue, clock });
  await requests.add(sampleOrder());
  const flushed = requests.flush();
  await eventually(async () => {
    await clock.advance(250);
    expect(calls).toEqual([['ord-1'], ['ord-1']]);
  });
  await flushed;
});

test('a Redis that stays away is given up on', async () => {
  const clock = new ManualClock();
  const { queue } = notingQueue(unavailable);
  const requests = new PaymentRequests({ queue, clock, patienceMs: 1_000 });
  await requests.add(sampleOrder());
  const failure = requests.flush().catch((error: unknown) => error);
  await clock.advance(2_000);
  expect(await failure).toMatchObject({ code: 'REDIS_UNAVAILABLE' });
});

test('an error that time does not heal is not repeated', async () => {
  const { queue, calls } = notingQueue(() => new Error('no'));
  const requests = new PaymentRequests({ queue, clock: new ManualClock() });
  await requests.add(sampleOrder());
  await expect(requests.flush()).rejects.toThrow('no');
  expect(calls.length).toBe(1);
});
