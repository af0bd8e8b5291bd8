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
