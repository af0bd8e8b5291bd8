import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { abortable, abortReason, sleep } from '@lockstep/core';
import { ManualClock } from '@lockstep/testing';

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

describe('sleep', () => {
  test('ends after its delay and leaves no timer and no listener', async () => {
    const clock = new ManualClock();
    const { signal } = new AbortController();
    let awake = false;
    const slept = sleep(clock, 100, { signal }).then(() => (awake = true));
    await clock.advance(99);
    expect(awake).toBe(false);
    await clock.advance(1);
    await slept;
    expect([clock.pendingTimers, listeners(signal)]).toEqual([0, 0]);
  });

  test('an abort ends it at once with the reason and leaves no timer and no listener', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const slept = sleep(clock, 100, { signal: controller.signal });
    expect([clock.pendingTimers, listeners(controller.signal)]).toEqual([1, 1]);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(slept).rejects.toBe(reason);
    expect([clock.pendingTimers, listeners(controller.signal)]).toEqual([0, 0]);
  });

  test('under a signal that aborted before, it arms nothing', async () => {
    const clock = new ManualClock();
    const reason = new Error('too late');
    await expect(sleep(clock, 100, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(clock.pendingTimers).toBe(0);
  });

  test('without a signal it just sleeps', async () => {
    const clock = new ManualClock();
    const slept = sleep(clock, 10);
    await clock.advance(10);
    await expect(slept).resolves.toBeUndefined();
  });
});

describe('abortable', () => {
  test('gives the outcome of the promise and removes its listener', async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(7), signal)).resolves.toBe(7);
    const failure = new Error('no');
    await expect(abortable(Promise.reject(failure), signal)).rejects.toBe(failure);
    await Promise.resolve();
    expect(listeners(signal)).toBe(0);
  });

  test('an abort rejects at once; a late rejection of the promise is nobody else’s problem', async () => {
    const controller = new AbortController();
    const { promise, reject } = deferred<number>();
    const outcome = abortable(promise, controller.signal);
    const reason = new Error('gave up');
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    reject(new Error('late'));
    // Unhandled rejections fail the run: vitest reports them as errors.
    await new Promise((resolve) => setImmediate(resolve));
    expect(listeners(controller.signal)).toBe(0);
  });

  test('under a signal that aborted before, the reason wins over a promise that is ready', async () => {
    const reason = new Error('before');
    await expect(abortable(Promise.resolve(1), AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(abortable(Promise.reject(new Error('x')), AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('without a signal it is the promise itself', () => {
    const promise = Promise.resolve(1);
    expect(abortable(promise, undefined)).toBe(promise);
  });
});

describe('the reason of an abort', () => {
  test('is the error that was given', () => {
    const reason = new Error('mine');
    expect(abortReason(AbortSignal.abort(reason))).toBe(reason);
    expect(abortReason(AbortSignal.abort()).name).toBe('AbortError');
  });

  test('becomes the cause of an error when it is none itself', () => {
    const reason = abortReason(AbortSignal.abort('because'));
    expect(reason).toBeInstanceOf(Error);
    expect(reason.cause).toBe('because');
  });
});

function deferred<T>(): { promise: Promise<T>; reject: (error: Error) => void } {
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((_resolve, fail) => (reject = fail));
  return { promise, reject };
}
