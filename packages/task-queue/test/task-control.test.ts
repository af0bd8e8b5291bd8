import { RejectTask, RetryLater } from '@lockstep/task-queue';
import { describe, expect, test } from 'vitest';
import { isRejectTask, isRetryLater } from '../src/task-control.ts';

describe('what a handler throws', () => {
  test('is told apart, also when it was made by another copy of the package', () => {
    const foreign = { [Symbol.for('lockstep.task-control')]: 'retry', delayMs: 5 };
    expect(isRetryLater(new RetryLater(5))).toBe(true);
    expect(isRetryLater(foreign)).toBe(true);
    expect(isRejectTask(new RejectTask('no'))).toBe(true);
    for (const other of [new Error('x'), null, undefined, 'text', new RejectTask('no')]) {
      expect(isRetryLater(other)).toBe(false);
    }
    expect(isRejectTask(new RetryLater(5))).toBe(false);
  });

  test.each([-1, NaN, Infinity, 1e15])('cannot be a retry in %d ms', (delayMs) => {
    expect(() => new RetryLater(delayMs)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
  });

  test('keeps its cause and says what it means', () => {
    const cause = new Error('socket closed');
    expect(new RetryLater(5, { cause })).toMatchObject({ message: 'retry in 5 ms', delayMs: 5, cause });
    expect(new RetryLater(5, { message: 'busy' }).message).toBe('busy');
    expect(new RejectTask('no such user', { cause })).toMatchObject({ message: 'no such user', cause });
  });
});
