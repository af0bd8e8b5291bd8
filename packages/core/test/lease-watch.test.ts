import { describe, expect, test, vi } from 'vitest';
import { instant, LeaseValidity, LeaseWatch } from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';

function setup() {
  const clock = new ManualClock();
  const watch = new LeaseWatch(clock);
  const lease = (ttlMs: number, name = 'a') =>
    new LeaseValidity(clock, { name, fencingToken: 1, sentAt: instant(clock), ttlMs });
  return { clock, watch, lease };
}

describe('a lease watch', () => {
  test('aborts a signal just before the deadline, while the lease is still valid', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    const seen: boolean[] = [];
    held.signal.addEventListener('abort', () => seen.push(held.remainingMs() > 0));
    watch.add(held);
    await clock.advance(962);
    expect(held.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(held.signal.aborted).toBe(true);
    expect(seen).toEqual([true]);
    expect(watch.size).toBe(0);
  });

  test('calls back after the signal aborted', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    const aborted: boolean[] = [];
    watch.add(held, () => aborted.push(held.signal.aborted));
    await clock.advance(1_000);
    expect(aborted).toEqual([true]);
  });

  test('holds one timer for any number of leases', async () => {
    const { clock, watch, lease } = setup();
    const leases = [3_000, 1_000, 2_000].map((ttlMs) => lease(ttlMs));
    for (const held of leases) watch.add(held);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1_000);
    expect(leases.map((held) => held.signal.aborted)).toEqual([false, true, false]);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(2_000);
    expect(leases.every((held) => held.signal.aborted)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a renewed lease lives on although its old timer fires', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    watch.add(held);
    await clock.advance(500);
    held.renewed(instant(clock), 1_000);
    await clock.advance(600);
    expect(held.signal.aborted).toBe(false);
    await clock.advance(400);
    expect(held.signal.aborted).toBe(true);
  });

  test('a deadline that came nearer is kept when the watch is told', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(60_000);
    watch.add(held);
    held.renewed(instant(clock), 1_000);
    watch.update(held);
    await clock.advance(1_000);
    expect(held.signal.aborted).toBe(true);
  });

  test('an update of a lease that is not watched arms nothing', () => {
    const { clock, watch, lease } = setup();
    watch.update(lease(1_000));
    expect(clock.pendingTimers).toBe(0);
  });

  test('a lease taken out is not touched, and the last one takes the timer along', async () => {
    const { clock, watch, lease } = setup();
    const [first, second] = [lease(1_000), lease(2_000)];
    watch.add(first);
    watch.add(second);
    watch.delete(first);
    await clock.advance(1_500);
    expect(first.signal.aborted).toBe(false);
    watch.delete(second);
    expect(clock.pendingTimers).toBe(0);
  });

  test('close forgets every lease and leaves no timer', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    watch.add(held);
    watch.close();
    expect([watch.size, clock.pendingTimers]).toEqual([0, 0]);
    await clock.advance(2_000);
    expect(held.signal.aborted).toBe(false);
  });

  test('a callback that throws keeps no other lease from ending and no later one from being watched', async () => {
    const { clock, watch, lease } = setup();
    const [first, second, later] = [lease(1_000, 'a'), lease(1_000, 'b'), lease(5_000, 'c')];
    watch.add(first, () => {
      throw new Error('callback');
    });
    watch.add(second);
    watch.add(later);
    await expect(clock.advance(1_000)).rejects.toThrow('callback');
    expect(second.signal.aborted).toBe(true);
    await clock.advance(4_000);
    expect(later.signal.aborted).toBe(true);
  });

  test('a lease added from an abort listener is watched too', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    let next: LeaseValidity | undefined;
    held.signal.addEventListener('abort', () => {
      next = lease(1_000);
      watch.add(next);
    });
    watch.add(held);
    await clock.advance(1_000);
    expect(watch.size).toBe(1);
    await clock.advance(1_000);
    expect(next?.signal.aborted).toBe(true);
  });

  test('a lease that is over when it comes ends with the next turn of the timer', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    await clock.advance(2_000);
    const onExpired = vi.fn();
    watch.add(held, onExpired);
    await clock.advance(1);
    expect(onExpired).toHaveBeenCalledTimes(1);
  });

  test('a sweep may be asked for at any time', async () => {
    const { clock, watch, lease } = setup();
    const held = lease(1_000);
    watch.add(held);
    watch.sweep();
    expect(held.signal.aborted).toBe(false);
    clock.stepWall(5_000);
    watch.sweep();
    expect(held.signal.aborted).toBe(true);
  });
});
