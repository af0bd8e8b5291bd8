import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  validate,
  validateSync,
  whenReady,
  type InferInput,
  type InferOutput,
  type StandardSchemaV1,
} from '@lockstep/core';

const length = z.object({ text: z.string().transform((text) => text.length), n: z.number().default(5) });
const asyncEven = z.number().refine((n) => Promise.resolve(n % 2 === 0), { error: 'must be even' });

describe('a schema', () => {
  test('tells what goes in from what comes out', () => {
    expectTypeOf<InferInput<typeof length>>().toEqualTypeOf<{ text: string; n?: number | undefined }>();
    expectTypeOf<InferOutput<typeof length>>().toEqualTypeOf<{ text: number; n: number }>();
  });

  test('that is synchronous answers without a promise', () => {
    expect(validate(length, { text: 'four' }, 'task a')).toEqual({ text: 4, n: 5 });
    expect(validateSync(length, { text: 'four' }, 'task a')).toEqual({ text: 4, n: 5 });
  });

  test('that is asynchronous answers with one', async () => {
    const output = validate(asyncEven, 4, 'task a');
    expect(output).toBeInstanceOf(Promise);
    await expect(output).resolves.toBe(4);
    await expect(validate(asyncEven, 3, 'task a')).rejects.toThrow('task a is invalid: must be even');
  });

  test('names every issue with its path', () => {
    const nested = z.object({ items: z.array(z.object({ price: z.number() })), to: z.string() });
    expect(() => validate(nested, { items: [{ price: 1 }, { price: 'x' }] }, 'event order')).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_INVALID',
        what: 'event order',
        issues: [
          { path: 'items[1].price', message: 'Invalid input: expected number, received string' },
          { path: 'to', message: 'Invalid input: expected string, received undefined' },
        ],
      }) as Error,
    );
  });

  test('may write its path as objects, or not at all', () => {
    const issues = [{ message: 'a', path: [{ key: 'x' }, 2, { key: Symbol('s') }] }, { message: 'b' }];
    expect(() =>
      validate(
        handMade(() => ({ issues })),
        1,
        'task a',
      ),
    ).toThrow(
      expect.objectContaining({
        issues: [
          { path: 'x[2].Symbol(s)', message: 'a' },
          { path: '', message: 'b' },
        ],
      }) as Error,
    );
  });

  test('that throws is not mistaken for one that refuses', async () => {
    const down = new Error('lookup failed');
    expect(() =>
      validate(
        handMade(() => {
          throw down;
        }),
        1,
        'task a',
      ),
    ).toThrow(down);
    await expect(
      validate(
        handMade(() => Promise.reject(down)),
        1,
        'task a',
      ),
    ).rejects.toBe(down);
  });
});

describe('where no promise can be awaited', () => {
  test.each([4, 3])('an asynchronous schema is refused, whatever it would say of %d', async (value) => {
    expect(() => validateSync(asyncEven, value, 'state flags')).toThrow(
      'schema of state flags must be synchronous, got "zod"',
    );
    // Its late rejection must be nobody's: vitest fails the run on an unhandled one.
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('a refusal is thrown as it is', () => {
    expect(() => validateSync(z.string(), 5, 'state flags')).toThrow(/^state flags is invalid/);
  });
});

test('what is ready is used at once, what is promised when it comes', async () => {
  expect(whenReady(2, (n) => n + 1)).toBe(3);
  await expect(whenReady(Promise.resolve(2), (n) => n + 1)).resolves.toBe(3);
});

function handMade(
  validateValue: StandardSchemaV1<number>['~standard']['validate'],
): StandardSchemaV1<number> {
  return { '~standard': { version: 1, vendor: 'hand', validate: validateValue } };
}
