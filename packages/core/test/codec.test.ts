import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assertPayloadSize,
  bodyMark,
  isLockstepError,
  jsonCodec,
  markBody,
  unmarkBody,
  type PayloadIssue,
} from '@lockstep/core';

function issueOf(run: () => unknown): PayloadIssue {
  try {
    run();
  } catch (error) {
    if (isLockstepError(error, 'PAYLOAD_INVALID')) return error.issues[0]!;
    throw error;
  }
  throw new Error('accepted');
}

describe('the JSON codec', () => {
  test('gives back every JSON value that it was given', () => {
    // JSON has one zero.
    const values = fc.jsonValue().filter((value) => !/-0[,\]}]|^-0$/.test(inspect(value, { depth: null })));
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        if (/"(__proto__|constructor|prototype)":/.test(text)) return;
        expect(jsonCodec.encode(value)).toBe(text);
        expect(jsonCodec.decode(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('has a text of its own for undefined', () => {
    expect(jsonCodec.encode(undefined)).toBe('');
    expect(jsonCodec.decode('')).toBeUndefined();
    expect(jsonCodec.decode(jsonCodec.encode(null))).toBeNull();
  });

  test('takes what only looks suspicious', () => {
    const value = {
      nothing: null,
      empty: {},
      text: 'null {} __proto__ "constructor": \\u0041',
      optional: undefined,
      call: () => 1,
      at: new Date(0),
      list: [null, {}],
      plain: Object.create(null) as object,
      gone: { toJSON: () => undefined },
    };
    expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual({
      nothing: null,
      empty: {},
      text: value.text,
      at: '1970-01-01T00:00:00.000Z',
      list: [null, {}],
      plain: {},
    });
  });

  test('takes one object in two places, and the result of toJSON once only', () => {
    const shared = { nothing: null };
    expect(jsonCodec.encode([shared, shared])).toBe('[{"nothing":null},{"nothing":null}]');
    const endless: { toJSON(): unknown } = { toJSON: () => ({ nothing: null, toJSON: 1 }) };
    expect(jsonCodec.encode([endless])).toBe('[{"nothing":null,"toJSON":1}]');
    const again = { toJSON: () => ({ nothing: null, toJSON: again.toJSON }) };
    expect(jsonCodec.encode([again])).toBe('[{"nothing":null}]');
  });

  const cycle: { inner: { back?: unknown }[] } = { inner: [{}] };
  cycle.inner[0]!.back = cycle;

  test.each<[string, unknown, PayloadIssue]>([
    ['bigint', { a: [{ b: 1n }] }, { path: 'a[0].b', message: 'bigint has no JSON form' }],
    ['bigint alone', 1n, { path: '', message: 'bigint has no JSON form' }],
    ['NaN', { a: { b: NaN } }, { path: 'a.b', message: 'NaN has no JSON form' }],
    ['Infinity', [1, -Infinity], { path: '[1]', message: '-Infinity has no JSON form' }],
    ['an invalid date', { at: new Date(NaN) }, { path: 'at', message: 'NaN has no JSON form' }],
    ['a cycle', cycle, { path: 'inner[0].back', message: 'refers back to an object that contains it' }],
    ['a Map', { m: new Map([[1, 2]]) }, { path: 'm', message: 'Map has no JSON form' }],
    ['a Set', [new Set()], { path: '[0]', message: 'Set has no JSON form' }],
    [
      'a promise that nobody awaited',
      { p: Promise.resolve(1) },
      { path: 'p', message: 'Promise has no JSON form' },
    ],
    ['an error', { e: new Error('x') }, { path: 'e', message: 'Error has no JSON form' }],
    ['undefined in an array', { a: [1, undefined] }, { path: 'a[1]', message: 'undefined has no JSON form' }],
    ['a hole', { a: Array<number>(1) }, { path: 'a[0]', message: 'undefined has no JSON form' }],
    ['a function', () => 1, { path: '', message: 'function has no JSON form' }],
    ['a symbol', Symbol('s'), { path: '', message: 'symbol has no JSON form' }],
    [
      'a constructor key',
      { a: { constructor: 'ACME' } },
      { path: 'a.constructor', message: 'is a key that is never delivered' },
    ],
    [
      'a prototype that came with foreign JSON',
      JSON.parse('[{"__proto__":{"admin":true}}]'),
      { path: '[0].__proto__', message: 'is a key that is never delivered' },
    ],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
      { path: '', message: 'cannot be read: it is nested too deeply, or a getter or toJSON threw' },
    ],
  ])('%s is refused with its path', (_case, value, issue) => {
    expect(issueOf(() => jsonCodec.encode(value))).toEqual(issue);
  });

  test('a bigint that was given a JSON form is taken', () => {
    const prototype = BigInt.prototype as { toJSON?: () => string };
    prototype.toJSON = function (this: bigint) {
      return this.toString();
    };
    try {
      expect(jsonCodec.encode({ n: 5n, nothing: null })).toBe('{"n":"5","nothing":null}');
    } finally {
      delete prototype.toJSON;
    }
  });

  test('what fails for no reason that can be found is refused all the same', () => {
    let reads = 0;
    const moody = {
      get now(): number {
        reads += 1;
        if (reads === 1) throw new Error('not now');
        return 1;
      },
    };
    expect(issueOf(() => jsonCodec.encode(moody))).toEqual({
      path: '',
      message: 'cannot be written as JSON',
    });
  });

  test('a refusal keeps what JSON said as its cause', () => {
    expect(() => jsonCodec.encode({ a: 1n })).toThrow(
      expect.objectContaining({ cause: expect.any(TypeError) as unknown }) as Error,
    );
  });

  test.each([
    '{"a":1,"__proto__":{"admin":true}}',
    String.raw`{"a":1,"\u005f_proto__":{"admin":true}}`,
    '{"a":1,"constructor":{"prototype":{"admin":true}}}',
    String.raw`{"a":1,"c\u006fnstructor":1,"prototype":2}`,
  ])('dangerous keys in %s never reach the object', (text) => {
    const decoded = jsonCodec.decode(text);
    expect(decoded).toEqual({ a: 1 });
    expect(Object.getOwnPropertyNames(decoded)).toEqual(['a']);
    expect((decoded as { admin?: unknown }).admin).toBeUndefined();
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  });

  test('no key of any decoded object is dangerous, however it was spelled or nested', () => {
    const dangerous = fc
      .constantFrom('__proto__', 'constructor', 'prototype')
      .chain((word) => fc.nat(word.length - 1).map((at) => escapeAt(word, at)));
    const key = fc.oneof(dangerous, fc.constantFrom('a', 'b'));
    const { document } = fc.letrec<{ document: string }>((tie) => ({
      document: fc.oneof(
        { maxDepth: 4 },
        fc.constant('1'),
        fc
          .array(fc.tuple(key, tie('document')), { maxLength: 3 })
          .map((entries) => `{${entries.map(([name, value]) => `"${name}":${value}`).join(',')}}`),
        fc.array(tie('document'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
      ),
    }));
    fc.assert(
      fc.property(document, (text) => {
        expect(keysOf(jsonCodec.decode(text)).filter((name) => !'ab'.includes(name))).toEqual([]);
      }),
    );
  });

  test.each(['{', 'undefined', '{"a":1} x', '\\u'])('%s is refused, and its text is in no sink', (text) => {
    const secret = `"canary-1f8a" ${text}`;
    let caught: unknown;
    try {
      jsonCodec.decode(secret);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: 'PAYLOAD_INVALID', issues: [{ path: '', message: 'is not JSON' }] });
    expect(inspect(caught, { depth: null, showHidden: true })).not.toContain('canary');
  });
});

describe('the format mark', () => {
  test('is one byte before the payload', () => {
    expect(Buffer.byteLength(bodyMark)).toBe(1);
    expect(markBody('{"a":1}')).toBe(`${bodyMark}{"a":1}`);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => unmarkBody(markBody(text)) === text));
  });

  test.each([
    ['2{}', 'has an unknown format mark ("2")'],
    ['{}', 'has an unknown format mark ("{")'],
    ['', 'has no format mark'],
  ])('a body of %j is refused', (body, message) => {
    expect(issueOf(() => unmarkBody(body))).toEqual({ path: '', message });
  });
});

describe('the size of a payload', () => {
  test('is its bytes of UTF-8, exactly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(130), (text, maxBytes) => {
        const bytes = Buffer.byteLength(text);
        const check = (): void => assertPayloadSize(text, maxBytes, 'task a');
        if (bytes <= maxBytes) expect(check).not.toThrow();
        else
          expect(check).toThrow(
            expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', bytes, maxBytes }) as Error,
          );
      }),
    );
  });

  test('a payload of just the limit passes, one byte more does not', () => {
    expect(() => assertPayloadSize('ё'.repeat(5), 10, 'event a')).not.toThrow();
    expect(() => assertPayloadSize(`${'ё'.repeat(5)}x`, 10, 'event a')).toThrow(
      'event a is 11 bytes, the limit is 10 (maxPayloadBytes)',
    );
  });
});

function escapeAt(word: string, index: number): string {
  const code = word.charCodeAt(index).toString(16).padStart(4, '0');
  return `${word.slice(0, index)}\\u${code}${word.slice(index + 1)}`;
}

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(keysOf);
  return Object.getOwnPropertyNames(value).flatMap((key) => [
    key,
    ...keysOf((value as Record<string, unknown>)[key]),
  ]);
}
