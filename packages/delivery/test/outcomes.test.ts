import type { Redis } from '@lockstep/redis';
import { ManualClock } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { Outcomes } from '../src/outcomes.ts';
import type { Store } from '../src/store.ts';

it('looks again when its bell is heard only after the first look', async () => {
  const clock = new ManualClock();
  let beHeard = (): void => {};
  const ready = new Promise<void>((resolve) => (beHeard = resolve));
  const doorbell = { channel: 'c', ready, on: () => () => {} };
  const redis = { clock, random: { id: () => 'p' }, doorbell } as unknown as Redis;
  const statuses = ['pending', 'unknown'];
  let looks = 0;
  const store = { outcome: () => Promise.resolve({ status: statuses[looks++] }) } as unknown as Store;
  const outcome = new Outcomes(redis, [store]).get('a', 60_000, undefined);
  await clock.advance(500);
  expect(looks).toBe(1);
  beHeard();
  expect(await outcome).toEqual({ status: 'unknown' });
  expect(looks).toBe(2);
  expect(clock.pendingTimers).toBe(0);
});

it('takes its waiter back only after a look that is still on its way, and no other wait with it', async () => {
  const clock = new ManualClock();
  const doorbell = { channel: 'c', ready: Promise.resolve(), on: () => () => {} };
  const redis = { clock, random: { id: () => 'p' }, doorbell } as unknown as Redis;
  const log: string[] = [];
  let answer = (): void => {};
  const store = {
    outcome: (_id: string, waiter: string) => {
      log.push(`look ${waiter}`);
      return new Promise((resolve) => (answer = () => resolve({ status: 'pending' })));
    },
    forgetWaiter: (_id: string, waiter: string) => {
      log.push(`forget ${waiter}`);
      return Promise.reject(new Error('down'));
    },
  } as unknown as Store;
  const outcomes = new Outcomes(redis, [store]);
  const stop = new AbortController();
  const first = outcomes.get('a', 60_000, stop.signal);
  await clock.advance(1);
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  const answerFirst = answer;
  const second = outcomes.get('a', 1_000, undefined);
  await clock.advance(1);
  expect(log).toHaveLength(2);
  answerFirst();
  await clock.advance(1);
  expect(log[1]).not.toBe(log[0]);
  expect(log[2]).toBe(log[0]!.replace('look', 'forget'));
  answer();
  await clock.advance(1_000);
  answer();
  expect(await second).toEqual({ status: 'pending' });
  await clock.advance(1);
  expect(log.at(-1)).toBe(log[1]!.replace('look', 'forget'));
});
