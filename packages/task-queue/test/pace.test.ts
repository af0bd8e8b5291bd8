import { ManualClock } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { Pace } from '../src/pace.ts';

describe('a pace', () => {
  test('lets units through no faster than its rate, counted from the first', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    const pace = new Pace(clock, 100);
    const at: number[] = [];
    expect(pace.burst).toBe(10);
    const run = (async () => {
      for (let n = 0; n < 4; n += 1) {
        await pace.spend(10, undefined);
        at.push(clock.now() - start);
      }
    })();
    await clock.advance(1_000);
    await run;
    expect(at).toEqual([0, 100, 200, 300]);
  });

  test('makes up for time that the work itself took', async () => {
    const clock = new ManualClock();
    const pace = new Pace(clock, 10);
    await pace.spend(5, undefined);
    await clock.advance(600);
    await pace.spend(5, undefined);
    expect(clock.pendingTimers).toBe(0);
  });

  test('spends at least one at a time, and stops waiting when told to', async () => {
    const clock = new ManualClock();
    const pace = new Pace(clock, 1);
    expect(pace.burst).toBe(1);
    await pace.spend(1, undefined);
    const controller = new AbortController();
    const waiting = pace.spend(1, controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(clock.pendingTimers).toBe(0);
  });
});
