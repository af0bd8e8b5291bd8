import { describe, expect, test } from 'vitest';
import {
  abortMargin,
  driftAllowance,
  instant,
  LeaseLostError,
  LeaseValidity,
  ShutdownError,
} from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';

function leaseFor(clock: ManualClock, ttlMs = 1_000, sentAt = instant(clock)): LeaseValidity {
  return new LeaseValidity(clock, { name: 'orders', fencingToken: 7, sentAt, ttlMs });
}

describe('a lease by the local clock', () => {
  test('ends its drift allowance before Redis ends it', async () => {
    const clock = new ManualClock();
    const lease = leaseFor(clock);
    expect(driftAllowance(1_000)).toBe(12);
    expect(lease.expiresAt).toBe(clock.now() + 988);
    await clock.advance(987);
    expect(lease.isValid()).toBe(true);
    expect(lease.remainingMs()).toBe(1);
    await clock.advance(1);
    expect(lease.isValid()).toBe(false);
    expect(lease.remainingMs()).toBe(0);
  });

  test('counts from before the request was sent, not from its reply', async () => {
    const clock = new ManualClock();
    const sentAt = instant(clock);
    await clock.advance(400);
    expect(leaseFor(clock, 1_000, sentAt).remainingMs()).toBe(588);
  });

  test('is due to abort a margin before its end: a tenth of its length, at most 25 ms', () => {
    expect(abortMargin(100)).toBe(10);
    expect(abortMargin(60_000)).toBe(25);
    const lease = leaseFor(new ManualClock());
    expect(lease.untilAbortMs()).toBe(lease.remainingMs() - 25);
  });

  test('a wall clock stepped back does not lengthen it, one stepped forward ends it', () => {
    const clock = new ManualClock();
    const lease = leaseFor(clock);
    clock.stepWall(-3_600_000);
    expect(lease.remainingMs()).toBe(988);
    clock.stepWall(3_600_000 + 2_000);
    expect(lease.isValid()).toBe(false);
  });

  test('a renewal moves the deadline to its own length from when it was sent', async () => {
    const clock = new ManualClock();
    const lease = leaseFor(clock);
    await clock.advance(900);
    const sentAt = instant(clock);
    await clock.advance(50);
    lease.renewed(sentAt, 2_000);
    expect(lease.ttlMs).toBe(2_000);
    expect(lease.remainingMs()).toBe(2_000 - driftAllowance(2_000) - 50);
  });
});

describe('a lost lease', () => {
  test('aborts its signal with the loss, and the first reason stands', () => {
    const lease = leaseFor(new ManualClock());
    const { signal } = lease;
    lease.lose('refused');
    lease.lose('expired');
    expect(signal.reason).toMatchObject({
      code: 'LEASE_LOST',
      lease: 'orders',
      fencingToken: 7,
      reason: 'refused',
    });
    expect(lease.isValid()).toBe(false);
    expect(() => lease.assertValid()).toThrow(signal.reason as Error);
  });

  test('shows its reason on a signal that is asked for only afterwards', () => {
    const lease = leaseFor(new ManualClock());
    lease.lose('expired');
    expect(lease.signal.aborted).toBe(true);
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
    expect(lease.signal).toBe(lease.signal);
  });

  test('is not revived by a renewal whose reply came late', () => {
    const clock = new ManualClock();
    const lease = leaseFor(clock);
    lease.lose('expired');
    lease.renewed(instant(clock), 60_000);
    expect(lease.isValid()).toBe(false);
    expect(lease.ttlMs).toBe(1_000);
  });

  test('gives another reason to its signal when it was ended for one', () => {
    const lease = leaseFor(new ManualClock());
    const reason = new ShutdownError();
    lease.end(reason);
    expect(lease.signal.reason).toBe(reason);
    expect(() => lease.assertValid()).toThrow(/lease on orders \(token 7\) is lost: released/);
  });

  test('past its deadline it fails the assertion although no timer ran', async () => {
    const clock = new ManualClock();
    const lease = leaseFor(clock);
    lease.assertValid();
    await clock.advance(988);
    expect(() => lease.assertValid()).toThrow(/lost: expired/);
    expect(lease.signal.aborted).toBe(false);
  });
});
