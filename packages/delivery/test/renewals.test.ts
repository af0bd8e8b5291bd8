import { instant, LeaseValidity } from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';
import { expect, it, vi } from 'vitest';
import type { ClaimedItem } from '../src/claimed-item.ts';
import { Renewals } from '../src/renewals.ts';

function renewalsBy(clock: ManualClock) {
  const onError = (error: unknown): never => {
    throw error;
  };
  const renewals = new Renewals({ clock, source: 'test', stores: [], commandTimeoutMs: 100, onError });
  const claimed = (): ClaimedItem => {
    const sentAt = instant(clock);
    const validity = new LeaseValidity(clock, { name: 'a', fencingToken: 1, sentAt, ttlMs: 30_000 });
    return { validity, renewedAt: sentAt } as unknown as ClaimedItem;
  };
  return { renewals, claimed };
}

it('set no timer for each item that comes and goes, and leave none behind when no more come', async () => {
  const clock = new ManualClock();
  const { renewals, claimed } = renewalsBy(clock);
  const comeAndGo = (): void => {
    const item = claimed();
    renewals.keep(item);
    renewals.delete(item);
  };
  comeAndGo();
  const setTimer = vi.spyOn(clock, 'setTimer');
  for (let n = 0; n < 10; n += 1) comeAndGo();
  expect(setTimer).not.toHaveBeenCalled();
  await clock.advance(10_000);
  expect(clock.pendingTimers).toBe(0);
});
