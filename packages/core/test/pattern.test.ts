import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertUnambiguous, compilePattern, matchPattern, mostSpecific } from '@lockstep/core';

const segment = fc.constantFrom('a', 'b', 'c');
const names = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'));
const patterns = fc
  .tuple(
    fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 3 }),
    fc.oneof(segment, fc.constantFrom('*', '**')),
  )
  .map(([head, last]) => [...head, last].join('.'));

/** The grammar as a regular expression: a second opinion. */
function asRegExp(pattern: string): RegExp {
  const parts = pattern.split('.').map((part) => {
    if (part === '**') return String.raw`[^.]*(\.[^.]*)*`;
    return part === '*' ? '[^.]*' : part;
  });
  return new RegExp(`^${parts.join(String.raw`\.`)}$`);
}

describe('a pattern', () => {
  test.each([
    ['order.created', 'order.created', true],
    ['order.created', 'order', false],
    ['order.created', 'order.created.eu', false],
    ['order.*', 'order.created', true],
    ['order.*', 'order', false],
    ['order.*', 'order.created.eu', false],
    ['*.created', 'order.created', true],
    ['*.created', 'order.updated', false],
    ['order.**', 'order.created', true],
    ['order.**', 'order.created.eu', true],
    ['order.**', 'order', false],
    ['order.*.**', 'order.created', false],
    ['order.*.**', 'order.created.eu.de', true],
    ['*', 'order', true],
    ['*', 'order.created', false],
    ['**', 'order.created.eu', true],
    ['order.*', 'orders.created', false],
  ])('%s and the name %s: %s', (pattern, name, expected) => {
    expect(matchPattern(pattern, name)).toBe(expected);
  });

  test('matches what its grammar says', () => {
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        expect(matchPattern(pattern, name)).toBe(asRegExp(pattern).test(name));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['', 'must be a non-empty string'],
    ['order..created', 'must not have an empty segment'],
    ['order.', 'must not have an empty segment'],
    ['order.**.eu', 'must have ** as its last segment only'],
    ['order.cre*', 'must have a wildcard as a whole segment'],
    ['order.***', 'must have a wildcard as a whole segment'],
    ['order.{a}', 'must not contain control characters or braces'],
  ])('%j is refused: it %s', (pattern, rule) => {
    expect(() => compilePattern(pattern, 'subscription.pattern')).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION', path: 'subscription.pattern', rule }) as Error,
    );
  });
});

describe('of several patterns', () => {
  const compiled = (...texts: string[]) => texts.map((text) => compilePattern(text));

  test.each([
    ['order.created', 'order.created'],
    ['order.updated', 'order.*'],
    ['order.created.eu', 'order.created.*'],
    ['order.updated.eu', 'order.**'],
    ['payment', '**'],
  ])('the most specific for %s is %s', (name, expected) => {
    const texts = ['**', 'order.**', 'order.*', 'order.created.*', 'order.created'];
    // order.* and order.** are as specific as each other for names of two segments.
    const usable = texts.filter((text) => !(text === 'order.**' && expected === 'order.*'));
    expect(mostSpecific(compiled(...usable), name)?.pattern).toBe(expected);
    expect(mostSpecific(compiled(...usable.toReversed()), name)?.pattern).toBe(expected);
  });

  test('none may apply', () => {
    expect(mostSpecific(compiled('order.*', 'payment'), 'invoice.sent')).toBeUndefined();
    expect(mostSpecific([], 'a')).toBeUndefined();
  });

  test('two that are equally specific for a name are refused, also with a less specific one between', () => {
    expect(() => mostSpecific(compiled('order.*', '**', 'order.**'), 'order.created')).toThrow(
      'pattern must not be as specific as order.* for "order.created", got "order.**"',
    );
  });

  test('one that is listed twice is a tie too', () => {
    expect(() => mostSpecific(compiled('order', 'order'), 'order')).toThrow(
      'pattern must not be as specific as order',
    );
  });

  test('a tie further down is no tie when a better one comes after', () => {
    const best = mostSpecific(compiled('*.created', '**', 'order.created'), 'order.created');
    expect(best?.pattern).toBe('order.created');
  });

  test('a tie can be refused before any name comes', () => {
    expect(() => assertUnambiguous(compiled('a.*', 'b.**', 'a.**'), 'state.schema')).toThrow(
      'state.schema must not be as specific as a.*, got "a.**"',
    );
    expect(() => assertUnambiguous(compiled('a', 'a'))).toThrow('patterns must not be as specific as a');
    expect(() => assertUnambiguous(compiled('a.*', 'b.*', 'a.b.*', 'a.b', '**'))).not.toThrow();
  });

  test('a tie that is refused beforehand is one that some name shows, and no other', () => {
    const everyName = nameTree(5);
    fc.assert(
      fc.property(patterns, patterns, (one, other) => {
        const pair = compiled(one, other);
        expect(throws(() => assertUnambiguous(pair))).toBe(
          everyName.some((name) => throws(() => mostSpecific(pair, name))),
        );
      }),
      { numRuns: 300 },
    );
  });
});

function throws(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

/** Every name of up to `depth` segments. */
function nameTree(depth: number): string[] {
  if (depth === 1) return ['a', 'b', 'c'];
  const shorter = nameTree(depth - 1);
  return [
    ...new Set([...shorter, ...shorter.flatMap((name) => ['a', 'b', 'c'].map((last) => `${name}.${last}`))]),
  ];
}
