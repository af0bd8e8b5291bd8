import { TaskTimeoutError } from '@lockstep/core';
import { describe, expect, test } from 'vitest';
import { decodeFailure, encodeFailure, taskFailure } from '../src/task-failure.ts';

const place = { worker: 'w', attempt: 2, startedAt: 1, failedAt: 5 };

describe('a failure', () => {
  test('keeps what an error says, its code where it has one, and where it happened', () => {
    const failure = taskFailure(new TaskTimeoutError('t', 50), place);
    expect(failure).toMatchObject({ name: 'TaskTimeoutError', code: 'TASK_TIMEOUT', ...place });
    expect(decodeFailure(encodeFailure(failure))).toEqual(failure);
  });

  test('cuts a long stack to 4 KB and a long message to 1 KB, never inside a character', () => {
    const error = new Error('é'.repeat(5_000));
    error.stack = `x${'é'.repeat(5_000)}`;
    const { stack, message } = taskFailure(error, place);
    expect(Buffer.byteLength(stack)).toBe(4_095);
    expect(stack.endsWith('é')).toBe(true);
    expect(Buffer.byteLength(message)).toBe(1_024);
  });

  test.each([
    ['a string', 'plain', 'plain'],
    ['undefined', undefined, 'undefined'],
    ['an object without a prototype', Object.create(null), 'unreadable'],
  ])('describes %s that was thrown', (_, thrown, message) => {
    expect(taskFailure(thrown, place)).toMatchObject({ name: 'NonError', message, stack: '' });
  });

  test('survives an error that refuses to be read', () => {
    const hostile = new Error('x');
    Object.defineProperty(hostile, 'message', {
      value: {
        toString: () => {
          throw new Error('no');
        },
      },
    });
    expect(taskFailure(hostile, place).message).toBe('unreadable');
  });

  test.each(['', 'no json', '5', 'null', '{}'])('is shown as unreadable when stored as %j', (text) => {
    expect(decodeFailure(text)).toMatchObject({ name: 'Unreadable', message: text });
  });
});
