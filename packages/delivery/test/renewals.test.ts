import { instant, isLockstepError, LeaseLostError, LeaseValidity } from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';
import { expect, it, vi } from 'vitest';
import type { ClaimedItem } from '../src/claimed-item.ts';
import { Renewals } from '../src/renewals.ts';
import type { RenewalOutcome } from '../src/scripts/renew.ts';
import type { Store } from '../src/store.ts';

interface Call {
  readonly ids: readonly string[];
  readonly lengths: readonly number[];
  /** Redis executes it. */
  execute(): void;
  reply(): void;
  fail(): void;
}

/** A Redis that executes and answers calls when it is told to, and knows each lease's deadline. */
class SlowRedis {
  readonly calls: Call[] = [];
  readonly deadlines = new Map<string, number>();
  outcome: RenewalOutcome = 'renewed';
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  readonly store = { renew: (leases: (string | number)[]) => this.#renew(leases) } as unknown as Store;

  #renew(leases: (string | number)[]): Promise<RenewalOutcome[]> {
    const ids = leases.filter((_, at) => at % 3 === 0) as string[];
    const lengths = leases.filter((_, at) => at % 3 === 2) as number[];
    return new Promise((resolve, reject) => {
      this.calls.push({
        ids,
        lengths,
        execute: () =>
          ids.forEach((id, at) => this.deadlines.set(id, this.#clock.monotonic() + lengths[at]!)),
        reply: () => resolve(ids.map(() => this.outcome)),
        fail: () => reject(new Error('no reply')),
      });
    });
  }
}

function renewalsBy(clock: ManualClock) {
  const redis = new SlowRedis(clock);
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const stores = [redis.store];
  const renewals = new Renewals({ clock, source: 'test', stores, commandTimeoutMs: 60_000, onError });
  const claimed = (id = 'a'): ClaimedItem => {
    const sentAt = instant(clock);
    const validity = new LeaseValidity(clock, { name: id, fencingToken: 1, sentAt, ttlMs: 30_000 });
    redis.deadlines.set(id, clock.monotonic() + 30_000);
    const item = {
      id,
      partition: 0,
      fencingToken: 1,
      validity,
      renewedAt: sentAt.monotonic,
      settled: false,
      assertValid: () => validity.assertValid(),
      abort: (reason: Error) => validity.end(reason),
      lost: (reason: 'refused' | 'released') => new LeaseLostError({ lease: id, fencingToken: 1, reason }),
    };
    return item as unknown as ClaimedItem;
  };
  /** Whoever believes in a lease longer than Redis does shares it with the next holder. */
  const assertHeld = ({ id, validity }: ClaimedItem): void => {
    const ends = clock.monotonic() + validity.remainingMs();
    expect(ends).toBeLessThanOrEqual(redis.deadlines.get(id)!);
  };
  return { renewals, claimed, redis, errors, assertHeld };
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

it('leave a lease alone while its holder extends it, and keep what that gave', async () => {
  const clock = new ManualClock();
  const { renewals, claimed, redis, assertHeld } = renewalsBy(clock);
  const item = claimed();
  renewals.keep(item);
  const other = claimed('other');
  renewals.keep(other);
  await clock.advance(9_990);
  const extending = renewals.extend(item, 120_000);
  await clock.advance(10);
  expect(redis.calls.map(({ ids }) => ids)).toEqual([['a'], ['other']]);
  for (const call of redis.calls) call.execute();
  for (const call of redis.calls.reverse()) call.reply();
  await extending;
  assertHeld(item);
  expect(item.validity.remainingMs()).toBeGreaterThan(110_000);
  renewals.delete(other);
  await clock.advance(40_000);
  expect(redis.calls.slice(2).filter(({ ids }) => ids.includes('a'))).toMatchObject([{ lengths: [120_000] }]);
  renewals.close();
});

it('let an extension wait for the round that its lease is in, and for the one before', async () => {
  const clock = new ManualClock();
  const { renewals, claimed, redis, assertHeld } = renewalsBy(clock);
  const item = claimed();
  renewals.keep(item);
  await clock.advance(10_000);
  const extending = [renewals.extend(item, 90_000), renewals.extend(item, 60_000)];
  await clock.advance(100);
  expect(redis.calls.map(({ lengths }) => lengths)).toEqual([[30_000]]);
  for (let call = 0; call < 3; call += 1) {
    redis.calls[call]!.execute();
    redis.calls[call]!.reply();
    await clock.advance(1);
  }
  await Promise.all(extending);
  expect(redis.calls.map(({ lengths }) => lengths)).toEqual([[30_000], [90_000], [60_000]]);
  assertHeld(item);
  expect(item.validity.ttlMs).toBe(60_000);
  renewals.close();
});

it('believe in the shorter lease when nobody knows whether it was shortened', async () => {
  const clock = new ManualClock();
  const { renewals, claimed, redis, assertHeld } = renewalsBy(clock);
  const item = claimed();
  renewals.keep(item);
  const extending = renewals.extend(item, 1_000);
  redis.calls[0]!.execute();
  assertHeld(item);
  redis.calls[0]!.fail();
  await expect(extending).rejects.toThrow('no reply');
  assertHeld(item);
  const { signal } = item.validity;
  await clock.advance(500);
  expect(redis.calls.at(-1)!.lengths).toEqual([1_000]);
  await clock.advance(500);
  expect(isLockstepError(signal.reason, 'LEASE_LOST')).toBe(true);
  renewals.close();
});

it('ask again for a lease that was being extended when somebody cancelled it', async () => {
  const clock = new ManualClock();
  const { renewals, claimed, redis } = renewalsBy(clock);
  const item = claimed();
  renewals.keep(item);
  const extending = renewals.extend(item, 60_000);
  redis.calls[0]!.execute();
  const told = renewals.now();
  redis.calls[0]!.reply();
  await extending;
  redis.outcome = 'cancelled';
  await clock.advance(1);
  redis.calls[1]!.reply();
  await told;
  expect(isLockstepError(item.validity.signal.reason, 'TASK_CANCELLED')).toBe(true);
  renewals.close();
});

it('extend no lease that was settled while the extension waited', async () => {
  const clock = new ManualClock();
  const { renewals, claimed, redis } = renewalsBy(clock);
  const item = claimed();
  renewals.keep(item);
  await clock.advance(10_000);
  const extending = renewals.extend(item, 90_000);
  Object.assign(item, { settled: true });
  redis.calls[0]!.reply();
  await expect(extending).rejects.toMatchObject({ code: 'LEASE_LOST', reason: 'released' });
  expect(redis.calls).toHaveLength(1);
  renewals.close();
});
