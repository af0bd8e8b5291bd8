import { drain, ManualClock } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';

/** A queue whose statistics are these, one after the other; the last one stays. */
function queueOf(
  ...states: readonly { ready?: number; delayed?: number; leased?: number; paused?: boolean }[]
) {
  let asked = 0;
  return {
    name: 'payments',
    stats: () => {
      const { ready = 0, ...rest } = states[Math.min(asked++, states.length - 1)]!;
      return Promise.resolve({
        ready: { high: 0, normal: ready },
        delayed: 0,
        leased: 0,
        completed: asked,
        ...rest,
      });
    },
  };
}

describe('drain', () => {
  it('waits until nothing is ready, delayed or leased, and gives the last statistics', async () => {
    const queue = queueOf({ ready: 2, delayed: 1 }, { delayed: 1 }, { leased: 1 }, {});
    expect(await drain(queue, { intervalMs: 1 })).toMatchObject({ completed: 4, delayed: 0 });
  });

  it('moves the clock that it is given, so that a retry in an hour costs no time', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    const queue = {
      name: 'payments',
      stats: () =>
        Promise.resolve({ ready: {}, delayed: clock.now() - start < 3_600_000 ? 1 : 0, leased: 0 }),
    };
    await drain(queue, { clock, intervalMs: 60_000 });
    expect(clock.now() - start).toBe(3_600_000);
  });

  it('says what is left when the time is up', async () => {
    const clock = new ManualClock();
    const queue = queueOf({ ready: 3, delayed: 2, leased: 1, paused: true });
    await expect(drain(queue, { clock, timeoutMs: 1_000 })).rejects.toThrow(
      'payments has 3 ready, 2 delayed, 1 leased and is paused (11 attempts in 1000 ms)',
    );
    await expect(drain(queue, { timeoutMs: 1, intervalMs: undefined })).rejects.toThrow(
      'payments has 3 ready',
    );
  });

  it('stops with the reason of its signal', async () => {
    const reason = new Error('enough');
    await expect(drain(queueOf({ ready: 1 }), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
