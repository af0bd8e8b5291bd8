import { ManualClock } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { Timings } from '../src/timings.ts';

describe('timings', () => {
  test('are empty before the first task', () => {
    expect(new Timings(new ManualClock()).read()).toEqual({
      throughput: 0,
      waitMs: { p50: undefined, p99: undefined },
      runMs: { p50: undefined, p99: undefined },
    });
  });

  test('give the median and the 99th percentile of the last thousand samples', () => {
    const timings = new Timings(new ManualClock());
    for (let n = 0; n < 5_000; n += 1) timings.waited(1_000_000);
    for (let n = 1; n <= 1_000; n += 1) timings.waited(n);
    timings.ran(7, 0);
    expect(timings.read()).toMatchObject({ waitMs: { p50: 500, p99: 990 }, runMs: { p50: 7, p99: 7 } });
  });

  test('count a task that seems to have been claimed before it was due as not having waited', () => {
    const timings = new Timings(new ManualClock());
    timings.waited(-3);
    expect(timings.read().waitMs.p50).toBe(0);
  });

  test('give tasks per second over the last minute, or since the start when that is less', async () => {
    const clock = new ManualClock();
    const timings = new Timings(clock);
    for (let n = 0; n < 20; n += 1) timings.ran(1, clock.monotonic());
    await clock.advance(10_000);
    expect(timings.read().throughput).toBe(2);
    await clock.advance(40_000);
    for (let n = 0; n < 40; n += 1) timings.ran(1, clock.monotonic());
    await clock.advance(9_000);
    expect(timings.read().throughput).toBeCloseTo(60 / 59);
    await clock.advance(11_000);
    expect(timings.read().throughput).toBeCloseTo(40 / 60);
    await clock.advance(60_000);
    expect(timings.read().throughput).toBe(0);
  });
});
