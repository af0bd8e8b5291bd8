import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import * as core from '@lockstep/core';
import {
  ClosedError,
  ConfigurationError,
  ConflictError,
  describeValue,
  errorTable,
  isLockstepError,
  LayoutTooNewError,
  LeaseLostError,
  LockstepError,
  LockTimeoutError,
  OperationTimeoutError,
  PayloadInvalidError,
  PayloadTooLargeError,
  PoolExhaustedError,
  RedisAccessError,
  RedisCommandError,
  RedisFullError,
  RedisUnavailableError,
  ShutdownError,
  TaskCancelledError,
  TaskTimeoutError,
  type AnyLockstepError,
} from '@lockstep/core';

const cause = new Error('underneath');

const oneOfEach: readonly [AnyLockstepError, string][] = [
  [
    new ConfigurationError('options.ttlMs', 'must be at least 10', 5),
    'options.ttlMs must be at least 10, got 5',
  ],
  [new RedisUnavailableError('no reply', { reason: 'timeout', outcomeUnknown: true }, { cause }), 'no reply'],
  [new RedisFullError('out of memory'), 'out of memory'],
  [new RedisAccessError('refused', { reason: 'permission', remedy: '+evalsha' }), 'refused'],
  [new RedisCommandError('WRONGTYPE'), 'WRONGTYPE'],
  [new OperationTimeoutError('acquire', 50), 'acquire did not end within 50 ms'],
  [new ClosedError('queue emails'), 'queue emails is closed'],
  [new ShutdownError(), 'shutting down'],
  [
    new LeaseLostError({ lease: 'orders', fencingToken: 3, reason: 'refused' }),
    'lease on orders (token 3) is lost: refused',
  ],
  [new LockTimeoutError('orders', 200), 'lock orders was not granted within 200 ms'],
  [new ConflictError({ what: 'flags.a', expected: 3, current: 4 }), 'flags.a: expected 3, found 4'],
  [
    new PayloadTooLargeError({ what: 'task a', bytes: 9, maxBytes: 8 }),
    'task a is 9 bytes, the limit is 8 (maxPayloadBytes)',
  ],
  [
    new PayloadInvalidError('task a', [
      { path: 'to', message: 'missing' },
      { path: '', message: 'odd' },
    ]),
    'task a is invalid: to: missing; odd',
  ],
  [
    new LayoutTooNewError({ what: 'queue emails', found: 3, known: 2 }),
    'queue emails has layout 3, this release knows 2',
  ],
  [
    new PoolExhaustedError({ pool: 'main', size: 2, waiting: 5, waitedMs: 100, purpose: 'a subscriber' }),
    'pool main: no connection for a subscriber within 100 ms (2 borrowed, 5 waiting)',
  ],
  [new TaskTimeoutError('email.send', 1_000), 'task email.send ran longer than 1000 ms'],
  [new TaskCancelledError('email.send'), 'task email.send was cancelled'],
];

describe('each error', () => {
  test.each(oneOfEach)('%s says what happened', (error, message) => {
    expect(error.message).toBe(message);
  });

  test.each(oneOfEach.map(([error]) => error))('%s is what the table says of its code', (error) => {
    const row = errorTable[error.code];
    expect({ name: error.name, retryable: error.retryable }).toEqual({
      name: row.name,
      retryable: row.retryable,
    });
    const common = ['name', 'code', 'retryable', 'cause'];
    const data = Object.keys(error).filter((key) => !common.includes(key));
    expect(data.toSorted()).toEqual(Object.keys(row.data).toSorted());
  });

  test('has one row in the table, and the table has no other rows', () => {
    expect(Object.keys(errorTable).toSorted()).toEqual(oneOfEach.map(([error]) => error.code).toSorted());
    const exported = Object.values(core).filter(
      (value) => typeof value === 'function' && value.prototype instanceof LockstepError,
    );
    expect(exported).toHaveLength(oneOfEach.length);
  });

  test('keeps its cause', () => {
    expect(new RedisFullError('x', { cause }).cause).toBe(cause);
    expect(new ClosedError('x', { cause }).cause).toBe(cause);
    expect(new ConfigurationError('a', 'is bad', 1, { cause }).cause).toBe(cause);
  });

  test('a pool says nothing of a purpose that it was not given', () => {
    const error = new PoolExhaustedError({ pool: 'main', size: 1, waiting: 1, waitedMs: 5 });
    expect(error.message).toBe('pool main: no connection within 5 ms (1 borrowed, 1 waiting)');
  });
});

describe('the guard', () => {
  test('narrows by code to the data of that error', () => {
    const error: unknown = new LockTimeoutError('orders', 200);
    expect(isLockstepError(error)).toBe(true);
    expect(isLockstepError(error, 'CONFLICT')).toBe(false);
    if (!isLockstepError(error, 'LOCK_TIMEOUT')) throw new Error('not narrowed');
    expectTypeOf(error).toEqualTypeOf<LockTimeoutError>();
    expect(error.waitedMs).toBe(200);
  });

  test('knows an error of another copy of the package, which no instanceof would', () => {
    const foreign = Object.assign(new Error('busy'), {
      [Symbol.for('lockstep.error')]: true,
      code: 'LOCK_TIMEOUT',
      lock: 'orders',
    });
    expect(foreign).not.toBeInstanceOf(LockstepError);
    expect(isLockstepError(foreign)).toBe(true);
    expect(isLockstepError(foreign, 'LOCK_TIMEOUT')).toBe(true);
    expect(isLockstepError(foreign, 'CLOSED')).toBe(false);
  });

  test('is not fooled by a code alone', () => {
    expect(isLockstepError(Object.assign(new Error(), { code: 'CLOSED' }), 'CLOSED')).toBe(false);
  });

  test('takes anything that can be thrown', () => {
    fc.assert(fc.property(fc.anything(), (value) => !isLockstepError(value)));
  });
});

describe('a described value', () => {
  test.each([
    ['text', '"text"'],
    [5, '5'],
    [10n, '10'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [{ a: [1] }, '{"a":[1]}'],
    [describeValue, 'function describeValue'],
    [() => undefined, 'function (anonymous)'],
    [{ n: 1n }, '[object Object]'],
    [{ toJSON: () => undefined }, '[object Object]'],
  ])('%o is readable', (value, description) => {
    expect(describeValue(value)).toBe(description);
  });

  test.each([
    ['a revoked proxy', revoked({})],
    ['a revoked proxy of a function', revoked(() => undefined)],
    [
      'an object whose tag cannot be read',
      {
        toJSON: () => {
          throw new Error('json');
        },
        get [Symbol.toStringTag](): string {
          throw new Error('tag');
        },
      },
    ],
  ])('%s is called unreadable', (_case, value) => {
    expect(describeValue(value)).toBe(`unreadable ${typeof value}`);
  });

  test('is short and never throws, whatever it is', () => {
    const values = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
      fc.string({ minLength: 100, maxLength: 500 }),
      fc.func(fc.anything()),
    );
    // 80 characters, each of which may be escaped to six, quotes and the mark of the cut.
    fc.assert(fc.property(values, (value) => describeValue(value).length < 500));
    expect(describeValue({ long: 'x'.repeat(10_000) })).toHaveLength(83);
  });
});

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}
