import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { elapsedSince, instant, systemClock, type Clock } from '@lockstep/core';

const longestTimeout = 2 ** 31 - 1;

describe('the system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('fires once, after the delay and not before', () => {
    const fire = vi.fn();
    systemClock.setTimer(fire, 1_000);
    vi.advanceTimersByTime(999);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(10_000);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test('a delay longer than setTimeout can take neither fires at once nor early', () => {
    const fire = vi.fn();
    systemClock.setTimer(fire, 2 * longestTimeout + 5);
    vi.advanceTimersByTime(2 * longestTimeout + 4);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test('a long timer can be cancelled in any of its legs', () => {
    const fire = vi.fn();
    const timer = systemClock.setTimer(fire, 2 * longestTimeout + 5);
    vi.advanceTimersByTime(longestTimeout + 1);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(2 * longestTimeout);
    expect(fire).not.toHaveBeenCalled();
  });

  test('a delay that lies in the past fires as soon as possible', () => {
    const fire = vi.fn();
    systemClock.setTimer(fire, -5_000);
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  });

  test('an infinite delay never fires', () => {
    const fire = vi.fn();
    const timer = systemClock.setTimer(fire, Infinity);
    vi.advanceTimersByTime(3 * longestTimeout);
    expect(fire).not.toHaveBeenCalled();
    timer.cancel();
  });

  test('reads fake time that was installed after the module was loaded', () => {
    const before = instant(systemClock);
    vi.advanceTimersByTime(250);
    expect(systemClock.now() - before.wall).toBe(250);
    expect(systemClock.monotonic() - before.monotonic).toBe(250);
  });

  test('only an unref timer lets the process end', () => {
    const unref = vi.fn();
    const realSetTimeout = globalThis.setTimeout;
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((fire: () => void, ms: number) => {
      const handle = realSetTimeout(fire, ms);
      handle.unref = () => {
        unref(ms);
        return handle;
      };
      return handle;
    }) as typeof setTimeout);
    systemClock.setTimer(() => undefined, 10).cancel();
    expect(unref).not.toHaveBeenCalled();
    systemClock.setTimer(() => undefined, longestTimeout + 7, { unref: true });
    vi.advanceTimersByTime(longestTimeout);
    expect(unref.mock.calls).toEqual([[longestTimeout], [7]]);
    spy.mockRestore();
  });
});

describe('elapsed time', () => {
  function clockAt(wall: number, monotonic: number): Clock {
    return { now: () => wall, monotonic: () => monotonic, setTimer: () => ({ cancel: () => undefined }) };
  }
  const start = instant(clockAt(1_000, 50));

  test.each([
    ['both clocks run', 1_300, 350, 300],
    ['the wall clock was stepped back', 200, 350, 300],
    ['the wall clock was stepped forward', 9_000, 350, 8_000],
    ['the monotonic clock stood still through a suspend', 61_000, 50, 60_000],
    ['both clocks are behind the start', 900, 40, 0],
  ])('is the larger of both, never below zero, when %s', (_case, wall, monotonic, expected) => {
    expect(elapsedSince(clockAt(wall, monotonic), start)).toBe(expected);
  });

  test('is never below zero nor below either clock, whatever the clocks do', () => {
    const reading = fc.integer({ min: -1e12, max: 1e12 });
    fc.assert(
      fc.property(reading, reading, reading, reading, (wall, monotonic, laterWall, laterMonotonic) => {
        const elapsed = elapsedSince(clockAt(laterWall, laterMonotonic), { wall, monotonic });
        expect(elapsed).toBeGreaterThanOrEqual(0);
        expect(elapsed).toBeGreaterThanOrEqual(laterWall - wall);
        expect(elapsed).toBeGreaterThanOrEqual(laterMonotonic - monotonic);
      }),
    );
  });
});

describe('a timer of the machine', () => {
  it('keeps the process alive only while it is told to', () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const timer = systemClock.setTimer(() => {}, 60_000);
    expect(timers()).toBe(before + 1);
    timer.keepAlive!(false);
    expect(timers()).toBe(before);
    timer.keepAlive!(true);
    expect(timers()).toBe(before + 1);
    timer.cancel();
    expect(timers()).toBe(before);
  });

  it('fires although it was let go, in a process that lives', async () => {
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 5).keepAlive!(false));
  });
});
