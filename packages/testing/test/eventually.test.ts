import { isLockstepError } from '@lockstep/core';
import { describe, expect, it } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { ManualClock } from '../src/manual-clock.ts';

describe('eventually', () => {
  it('gives the result of the first attempt that passes', async () => {
    let attempts = 0;
    const result = await eventually(
      () => {
        if (++attempts < 3) throw new Error('not yet');
        return attempts;
      },
      { intervalMs: 1 },
    );
    expect(result).toBe(3);
  });

  it('rejects with the last error itself, saying how long and how often it tried', async () => {
    const errors: Error[] = [];
    const attempt = (): never => {
      const error = new Error(`wrong ${errors.length}`);
      errors.push(error);
      throw error;
    };
    const failure = await eventually(attempt, { timeoutMs: 40, intervalMs: 5 }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBe(errors.at(-1));
    expect((failure as Error).message).toMatch(/^wrong \d+ \(\d+ attempts in \d+ ms\)$/);
    expect(errors.length).toBeGreaterThan(1);
  });

  it('spends its budget in the time of a manual clock', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const advance = (ms: number): Promise<void> => clock.advance(ms);
    const due = 60_000;
    await eventually(() => expect(clock.now()).toBeGreaterThanOrEqual(due), {
      timeoutMs: 120_000,
      intervalMs: 1_000,
      advance,
    });
    expect(clock.now()).toBe(due);
    const impossible = eventually(() => expect(clock.now()).toBe(-1), {
      timeoutMs: 5_000,
      intervalMs: 1_000,
      advance,
    });
    await expect(impossible).rejects.toThrow('(6 attempts in 5000 ms)');
  });

  it('gives up an attempt that hangs', async () => {
    const failure = await eventually(() => new Promise(() => undefined), { timeoutMs: 20 }).catch(
      (error: unknown) => error,
    );
    expect(isLockstepError(failure, 'OPERATION_TIMEOUT')).toBe(true);
  });

  it('keeps what was thrown as the cause when it is no Error', async () => {
    // oxlint-disable-next-line prefer-promise-reject-errors -- the case under test
    const attempt = (): Promise<never> => Promise.reject('just text');
    const failure = await eventually(attempt, { timeoutMs: 1, intervalMs: 1 }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'OPERATION_TIMEOUT', cause: 'just text' });
  });

  it('rejects with the reason of its signal at once', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const running = eventually(() => Promise.reject(new Error('never')), {
      intervalMs: 60_000,
      signal: controller.signal,
    });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });
});
