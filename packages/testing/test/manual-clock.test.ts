import { elapsedSince, instant, sleep } from '@lockstep/core';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../src/manual-clock.ts';

describe('ManualClock', () => {
  it('stands still until it is advanced', async () => {
    const clock = new ManualClock({ startAt: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(clock.now()).toBe(1_000);
    await clock.advance(250);
    expect(clock.now()).toBe(1_250);
  });

  it('fires timers in the order of their due times, each at its own instant', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const fired: [string, number][] = [];
    clock.setTimer(() => fired.push(['late', clock.now()]), 30);
    clock.setTimer(() => fired.push(['early', clock.now()]), 10);
    clock.setTimer(() => fired.push(['also early', clock.now()]), 10);
    await clock.advance(29);
    expect(fired).toEqual([
      ['early', 10],
      ['also early', 10],
    ]);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1);
    expect(fired.at(-1)).toEqual(['late', 30]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not fire a cancelled timer', async () => {
    const clock = new ManualClock();
    let fired = false;
    clock.setTimer(() => (fired = true), 10).cancel();
    await clock.advance(20);
    expect(fired).toBe(false);
  });

  it('finishes the chain of awaits that a timer started before it fires the next one', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const seen: string[] = [];
    clock.setTimer(() => void chain(), 10);
    clock.setTimer(() => seen.push(`next at ${clock.now()}`), 11);
    await clock.advance(20);
    expect(seen).toEqual(['chain done at 10', 'next at 11']);

    async function chain(): Promise<void> {
      for (let step = 0; step < 50; step++) await Promise.resolve();
      for (let step = 0; step < 50; step++) await new Promise<void>((resolve) => process.nextTick(resolve));
      for (let step = 0; step < 3; step++) await new Promise((resolve) => setImmediate(resolve));
      seen.push(`chain done at ${clock.now()}`);
    }
  });

  it('fires timers that a timer arms on the way, and sleeps in a row take their full time', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const woke: number[] = [];
    const loop = (async () => {
      for (let round = 0; round < 3; round++) {
        await sleep(clock, 10);
        woke.push(clock.now());
      }
    })();
    await clock.advance(100);
    await loop;
    expect(woke).toEqual([10, 20, 30]);
  });

  it('comes to an end although a timer arms itself again without a delay', async () => {
    const clock = new ManualClock();
    let rounds = 0;
    const again = (): void => void clock.setTimer(() => (rounds++, again()), 0);
    again();
    await clock.advance(5);
    expect(rounds).toBe(5);
  });

  it('reaches timers beyond the range of setTimeout', async () => {
    const clock = new ManualClock();
    let fired = false;
    clock.setTimer(() => (fired = true), 2 ** 31 + 5);
    await clock.advance(2 ** 31);
    expect(fired).toBe(false);
    await clock.advance(5);
    expect(fired).toBe(true);
  });

  it('steps the wall clock without moving timers or the monotonic clock', async () => {
    const clock = new ManualClock({ startAt: 100_000 });
    let fired = false;
    clock.setTimer(() => (fired = true), 1_000);
    const start = instant(clock);
    clock.stepWall(-60_000);
    expect(clock.now()).toBe(40_000);
    expect(elapsedSince(clock, start)).toBe(0);
    await clock.advance(999);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  it('tells its listeners of every move before the timers that are due then', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const told: (number | string)[] = [];
    const remove = clock.onAdvance((now) => told.push(now));
    clock.setTimer(() => told.push('timer'), 10);
    await clock.advance(15);
    clock.stepWall(5);
    remove();
    await clock.advance(1);
    expect(told).toEqual([10, 'timer', 15, 20]);
  });

  it('runs overlapping advances one after another', async () => {
    const clock = new ManualClock({ startAt: 0 });
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(clock.now()).toBe(20);
  });

  it('rejects with what a timer threw and can be advanced further', async () => {
    const clock = new ManualClock({ startAt: 0 });
    clock.setTimer(() => {
      throw new Error('broken timer');
    }, 10);
    await expect(clock.advance(50)).rejects.toThrow('broken timer');
    expect(clock.now()).toBe(10);
    await clock.advance(5);
    expect(clock.now()).toBe(15);
  });

  it('refuses to go backwards', () => {
    expect(() => new ManualClock().advance(-1)).toThrow(RangeError);
    expect(() => new ManualClock().advance(Number.NaN)).toThrow(RangeError);
  });
});
