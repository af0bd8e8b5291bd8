import { describe, expect, test, vi } from 'vitest';
import { ClosedError, LockTimeoutError, RedisUnavailableError } from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';
import { persistently } from './readme-example.ts';

const { signal } = new AbortController();

describe('the example of the README', () => {
  test('repeats a call that may succeed later until it does', async () => {
    const clock = new ManualClock();
    const busy = new LockTimeoutError('orders', 10);
    const call = vi.fn().mockRejectedValueOnce(busy).mockRejectedValueOnce(busy).mockResolvedValue('done');
    const outcome = persistently(call, signal, clock);
    await clock.advance(50 + 100);
    await expect(outcome).resolves.toBe('done');
    expect(call).toHaveBeenCalledTimes(3);
  });

  test.each([
    new ClosedError('queue'),
    new TypeError('a bug'),
    new RedisUnavailableError('no reply', { reason: 'timeout', outcomeUnknown: true }),
  ])('does not repeat %s', async (error) => {
    const call = vi.fn(() => Promise.reject(error));
    await expect(persistently(call, signal, new ManualClock())).rejects.toBe(error);
    expect(call).toHaveBeenCalledTimes(1);
  });

  test('gives up when it is told to', async () => {
    const controller = new AbortController();
    const call = vi.fn(() => Promise.reject(new LockTimeoutError('orders', 10)));
    const outcome = persistently(call, controller.signal, new ManualClock());
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
  });
});
