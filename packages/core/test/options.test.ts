import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { assertName, ConfigurationError, count, milliseconds, parseOptions } from '@lockstep/core';

function refusal(run: () => unknown): ConfigurationError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('accepted');
}

const node = z.strictObject({ url: z.string().min(1), weight: z.number().min(1).optional() });

const schema = z
  .strictObject({
    ttlMs: milliseconds(10, 1_000),
    renewMs: milliseconds().optional(),
    concurrency: count(1, 64).default(4),
    mode: z.enum(['fast', 'safe']).optional(),
    nodes: z.array(node).min(1).optional(),
    from: z.union([z.literal('now'), z.date()]).optional(),
    target: z.union([z.string(), z.strictObject({ host: z.string(), port: count(1, 65_535) })]).optional(),
    backoff: z
      .discriminatedUnion('type', [
        z.strictObject({ type: z.literal('fixed'), delayMs: milliseconds() }),
        z.strictObject({ type: z.literal('list'), delaysMs: z.array(milliseconds()) }),
      ])
      .optional(),
    limits: z.record(z.string().max(3), z.number()).optional(),
    even: z.number().multipleOf(2).optional(),
    id: z
      .string()
      .regex(/^[a-z]+$/)
      .optional(),
    when: z.custom<() => boolean>((value) => typeof value === 'function').optional(),
    onGone: z
      .custom<() => void>((value) => typeof value === 'function', { error: 'must be a function' })
      .optional(),
    nothing: z.null().optional(),
    url: z.url().optional(),
  })
  .refine(({ renewMs, ttlMs }) => renewMs === undefined || renewMs < ttlMs, {
    error: 'must be less than ttlMs',
    path: ['renewMs'],
  });

const ok = { ttlMs: 100 };

describe('options', () => {
  test('come back with their defaults', () => {
    expect(parseOptions(schema, ok)).toEqual({ ttlMs: 100, concurrency: 4 });
  });

  test.each<[string, unknown, string]>([
    ['a missing one', {}, 'options.ttlMs must be a whole number of milliseconds, got undefined'],
    ['a wrong type', { ttlMs: '5' }, 'options.ttlMs must be a whole number of milliseconds, got "5"'],
    ['NaN', { ttlMs: NaN }, 'options.ttlMs must be a whole number of milliseconds, got NaN'],
    ['a fraction', { ttlMs: 10.5 }, 'options.ttlMs must be a whole number of milliseconds, got 10.5'],
    ['one too small', { ttlMs: 5 }, 'options.ttlMs must be at least 10, got 5'],
    ['one too large', { ttlMs: 5_000 }, 'options.ttlMs must be at most 1000, got 5000'],
    ['a count', { ...ok, concurrency: 1.5 }, 'options.concurrency must be a whole number, got 1.5'],
    ['an unknown one', { ...ok, tll: 1 }, 'options.tll is not an option, got 1'],
    [
      'a nested one',
      { ...ok, nodes: [{ url: 'a' }, { url: 5 }] },
      'options.nodes[1].url must be a string, got 5',
    ],
    [
      'an unknown nested one',
      { ...ok, nodes: [{ url: 'a', wieght: 2 }] },
      'options.nodes[0].wieght is not an option, got 2',
    ],
    ['an empty array', { ...ok, nodes: [] }, 'options.nodes must have >=1 items, got []'],
    [
      'an empty string',
      { ...ok, nodes: [{ url: '' }] },
      'options.nodes[0].url must have >=1 characters, got ""',
    ],
    [
      'a plain minimum',
      { ...ok, nodes: [{ url: 'a', weight: 0 }] },
      'options.nodes[0].weight must be >=1, got 0',
    ],
    ['a choice', { ...ok, mode: 'slow' }, 'options.mode must be one of "fast"|"safe", got "slow"'],
    [
      'a union of values',
      { ...ok, from: 'then' },
      'options.from must be "now" or must be a date, got "then"',
    ],
    [
      'a union whose second alternative was meant',
      { ...ok, target: { host: 'a', port: 0 } },
      'options.target.port must be at least 1, got 0',
    ],
    [
      'a union none of whose alternatives fits, by the one that got furthest',
      { ...ok, target: { host: 'a', port: 'x' } },
      'options.target.port must be a whole number, got "x"',
    ],
    [
      'an unknown tag',
      { ...ok, backoff: { type: 'fixd' } },
      "options.backoff.type must be 'fixed' | 'list', got \"fixd\"",
    ],
    [
      'inside a tagged alternative',
      { ...ok, backoff: { type: 'list', delaysMs: [1, -1] } },
      'options.backoff.delaysMs[1] must be at least 0, got -1',
    ],
    ['a relation', { ...ok, renewMs: 200 }, 'options.renewMs must be less than ttlMs, got 200'],
    [
      'a key',
      { ...ok, limits: { long: 1 } },
      'options.limits.long is not valid (must have <=3 characters), got 1',
    ],
    ['a multiple', { ...ok, even: 3 }, 'options.even must be a multiple of 2, got 3'],
    ['a form', { ...ok, id: 'A' }, 'options.id must match pattern /^[a-z]+$/, got "A"'],
    ['a known format', { ...ok, url: 'x' }, 'options.url is not valid (invalid URL), got "x"'],
    ['a rule without words', { ...ok, when: 5 }, 'options.when is not valid (invalid input), got 5'],
    ['a rule with words', { ...ok, onGone: 5 }, 'options.onGone must be a function, got 5'],
    ['null', { ...ok, nothing: 1 }, 'options.nothing must be null, got 1'],
    ['no object', null, 'options must be an object, got null'],
  ])('%s is named by path, rule and value', (_case, value, message) => {
    expect(refusal(() => parseOptions(schema, value)).message).toBe(message);
  });

  test('the parts of the refusal are data too', () => {
    const error = refusal(() => parseOptions(schema, { ttlMs: 5 }, 'queue.options'));
    expect(error).toMatchObject({ path: 'queue.options.ttlMs', rule: 'must be at least 10', value: 5 });
  });

  test('a place that is not there has no value', () => {
    const deep = z.unknown().refine(() => false, { error: 'must be deep', path: ['a', 'b', 'c'] });
    expect(refusal(() => parseOptions(deep, { a: 1 })).message).toBe(
      'options.a.b.c must be deep, got undefined',
    );
  });

  test('a union of alternatives that say the same says it once', () => {
    const either = z.union([milliseconds(), milliseconds()]);
    expect(refusal(() => parseOptions(either, 'x')).rule).toBe('must be a whole number of milliseconds');
  });
});

describe('a name', () => {
  test.each(['a', 'order.created', 'naïve/ключ:1', 'x'.repeat(512)])('%s is taken', (name) => {
    expect(() => assertName(name, 'name')).not.toThrow();
  });

  test.each<[unknown, string]>([
    ['', 'must be a non-empty string'],
    [5, 'must be a non-empty string'],
    ['x'.repeat(513), 'must be at most 512 bytes'],
    ['ё'.repeat(257), 'must be at most 512 bytes'],
    ['a{b', 'must not contain control characters or braces'],
    ['a}b', 'must not contain control characters or braces'],
    ['a\0b', 'must not contain control characters or braces'],
    ['a\r\nb', 'must not contain control characters or braces'],
    ['a\u007fb', 'must not contain control characters or braces'],
  ])('%j is refused', (name, rule) => {
    expect(refusal(() => assertName(name, 'queue.name'))).toMatchObject({ path: 'queue.name', rule });
  });
});
