import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  backoffDelay,
  backoffSchema,
  BackoffState,
  ConfigurationError,
  parseOptions,
  type Backoff,
  type Random,
} from '@lockstep/core';

const century = 100 * 365 * 24 * 60 * 60 * 1000;

/** Draws the given numbers in turn. */
function drawing(...numbers: number[]): Random {
  let drawn = 0;
  return { next: () => numbers[drawn++ % numbers.length]!, id: () => 'id' };
}

function delays(backoff: Backoff, attempts = 6): number[] {
  return Array.from({ length: attempts }, (_, index) => backoffDelay(backoff, index + 1));
}

describe('the delay of a back-off', () => {
  test.each<[string, Backoff, number[]]>([
    ['fixed stays', { type: 'fixed', delayMs: 50 }, [50, 50, 50, 50, 50, 50]],
    [
      'linear adds initialMs each time',
      { type: 'linear', initialMs: 10, maxMs: 45 },
      [10, 20, 30, 40, 45, 45],
    ],
    [
      'linear adds factor times initialMs',
      { type: 'linear', initialMs: 10, maxMs: 1_000, factor: 0.5 },
      [10, 15, 20, 25, 30, 35],
    ],
    [
      'exponential doubles',
      { type: 'exponential', initialMs: 100, maxMs: 1_000 },
      [100, 200, 400, 800, 1_000, 1_000],
    ],
    [
      'exponential multiplies by factor',
      { type: 'exponential', initialMs: 1, maxMs: 200, factor: 3 },
      [1, 3, 9, 27, 81, 200],
    ],
    [
      'fibonacci adds the two before',
      { type: 'fibonacci', initialMs: 10, maxMs: 70 },
      [10, 10, 20, 30, 50, 70],
    ],
    [
      'fibonacci scales its growth by factor',
      { type: 'fibonacci', initialMs: 10, maxMs: 1_000, factor: 2 },
      [10, 10, 30, 50, 90, 150],
    ],
    ['a list ends on its last', { type: 'list', delaysMs: [5, 0, 7] }, [5, 0, 7, 7, 7, 7]],
  ])('%s', (_case, backoff, expected) => {
    expect(delays(backoff)).toEqual(expected);
  });

  test('fibonacci is exact as far as a century reaches', () => {
    let [previous, current] = [0, 1];
    for (let attempt = 1; current <= century; attempt++) {
      expect(backoffDelay({ type: 'fibonacci', initialMs: 1, maxMs: century }, attempt)).toBe(current);
      [previous, current] = [current, previous + current];
    }
  });

  test.each<['full' | 'equal' | 'none', number, number]>([
    ['none', 0.25, 400],
    ['full', 0, 0],
    ['full', 0.25, 100],
    ['equal', 0, 200],
    ['equal', 0.25, 250],
  ])('%s jitter that draws %d of 400 ms gives %d', (jitter, drawn, expected) => {
    const backoff: Backoff = { type: 'exponential', initialMs: 100, maxMs: 400, jitter };
    expect(backoffDelay(backoff, 9, { random: drawing(drawn) })).toBe(expected);
  });

  test('decorrelated draws between initialMs and three times the one before', () => {
    const backoff: Backoff = { type: 'decorrelated', initialMs: 100, maxMs: 10_000 };
    const random = drawing(0.5);
    expect(backoffDelay(backoff, 1, { random })).toBe(200);
    expect(backoffDelay(backoff, 2, { random, previousMs: 200 })).toBe(350);
    expect(backoffDelay(backoff, 2, { random: drawing(0), previousMs: 9_999 })).toBe(100);
    expect(backoffDelay(backoff, 2, { random: drawing(0.999), previousMs: 9_999 })).toBe(10_000);
    expect(backoffDelay(backoff, 2, { random: drawing(0.999), previousMs: 0 })).toBe(100);
  });

  test('decorrelated still grows with the attempt where the delay before is not known', () => {
    const backoff: Backoff = { type: 'decorrelated', initialMs: 100, maxMs: 10_000 };
    const random = drawing(0.5);
    const grown = [1, 2, 3, 10_000].map((attempt) => backoffDelay(backoff, attempt, { random }));
    expect(grown).toEqual([200, 500, 1_400, 10_000]);
  });

  test('is a whole number of milliseconds from zero to its cap, for any attempt and any draw', () => {
    const ms = fc.integer({ min: 0, max: century });
    const factor = fc.option(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { nil: undefined });
    const jitter = fc.constantFrom('none', 'full', 'equal', undefined);
    const range = fc.tuple(ms, ms).map(([a, b]) => ({ initialMs: Math.min(a, b), maxMs: Math.max(a, b) }));
    const type = fc.constantFrom('linear', 'exponential', 'fibonacci');
    const backoffs: fc.Arbitrary<Backoff> = fc.oneof(
      ms.map((delayMs): Backoff => ({ type: 'fixed', delayMs })),
      fc
        .record({ type, factor, jitter, range })
        .map(({ range: bounds, ...rest }): Backoff => ({ ...rest, ...bounds })),
      range.map((bounds): Backoff => ({ type: 'decorrelated', ...bounds })),
      fc.array(ms).map((delaysMs): Backoff => ({ type: 'list', delaysMs })),
    );
    const attempts = fc.oneof(
      fc.integer({ min: 1, max: 10_000 }),
      fc.constantFrom(0, -1, 0.5, NaN, Infinity, 10_000, 2 ** 53),
    );
    const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const previousMs = fc.option(ms, { nil: undefined });
    fc.assert(
      fc.property(backoffs, attempts, draw, previousMs, (backoff, attempt, drawn, before) => {
        const delay = backoffDelay(backoff, attempt, { random: drawing(drawn), previousMs: before });
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual('maxMs' in backoff ? backoff.maxMs : century);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([0, -3, NaN, 1.9])('counts attempt %d as the first', (attempt) => {
    expect(backoffDelay({ type: 'exponential', initialMs: 100, maxMs: 1_000 }, attempt)).toBe(100);
    expect(backoffDelay({ type: 'list', delaysMs: [5, 6] }, attempt)).toBe(5);
  });

  test('from zero it stays zero, also where the growth overflows', () => {
    for (const type of ['linear', 'exponential', 'fibonacci'] as const) {
      expect(backoffDelay({ type, initialMs: 0, maxMs: 10 }, 10_000)).toBe(0);
    }
    expect(backoffDelay({ type: 'decorrelated', initialMs: 0, maxMs: 10 }, 10_000)).toBe(0);
  });

  test('without a source of its own it draws from the system', () => {
    const backoff: Backoff = { type: 'fixed', delayMs: 1_000 };
    for (const growing of [
      { type: 'exponential', initialMs: 1_000, maxMs: 1_000, jitter: 'full' },
      { type: 'decorrelated', initialMs: 1_000, maxMs: 5_000 },
    ] satisfies Backoff[]) {
      const drawn = new Set(Array.from({ length: 50 }, () => backoffDelay(growing, 1)));
      expect(drawn.size).toBeGreaterThan(5);
    }
    expect(backoffDelay(backoff, 1)).toBe(1_000);
  });
});

describe('a custom back-off', () => {
  const backoff: Backoff = { type: 'custom', name: 'polite' };

  test('is called with the attempt and its error', () => {
    const polite = vi.fn((attempt: number) => attempt * 7);
    const error = new Error('busy');
    expect(backoffDelay(backoff, 3, { custom: { polite }, error })).toBe(21);
    expect(polite).toHaveBeenCalledWith(3, error);
  });

  test('is capped and rounded like any other', () => {
    expect(backoffDelay(backoff, 1, { custom: { polite: () => Infinity } })).toBe(century);
    expect(backoffDelay(backoff, 1, { custom: { polite: () => 1.6 } })).toBe(2);
  });

  test.each([[undefined], [{}], [{ rude: () => 1 }]])('is refused when only %j is registered', (custom) => {
    expect(() => backoffDelay(backoff, 1, { custom })).toThrow(ConfigurationError);
  });

  test('the refusal names those that are registered', () => {
    expect(() => backoffDelay(backoff, 1, { custom: { rude: () => 1, odd: () => 2 } })).toThrow(
      'backoff.name must be a registered back-off (rude, odd), got "polite"',
    );
  });

  test('a name that every object inherits is not registered by that', () => {
    const inherited: Backoff = { type: 'custom', name: 'toString' };
    expect(() => backoffDelay(inherited, 1, { custom: {} })).toThrow(
      /must be a registered back-off \(none\)/,
    );
  });

  test.each([NaN, -1, '5' as unknown as number, undefined as unknown as number])(
    'that returns %o is refused instead of becoming a hot loop',
    (delay) => {
      expect(() => backoffDelay(backoff, 1, { custom: { polite: () => delay } })).toThrow(
        /^backoffs\.polite must return a number of zero or more/,
      );
    },
  );
});

describe('the back-off of a loop', () => {
  test('grows with each failure and starts over after a success', () => {
    const state = new BackoffState({ type: 'exponential', initialMs: 100, maxMs: 1_000 });
    expect([state.next(), state.next(), state.next(), state.attempt]).toEqual([100, 200, 400, 3]);
    state.reset();
    expect([state.attempt, state.next()]).toEqual([0, 100]);
  });

  test('remembers the delay before, which decorrelated needs', () => {
    const state = new BackoffState(
      { type: 'decorrelated', initialMs: 100, maxMs: 10_000 },
      { random: drawing(0.5) },
    );
    expect([state.next(), state.next(), state.next()]).toEqual([200, 350, 575]);
    state.reset();
    expect(state.next()).toBe(200);
  });

  test('hands the error to a custom function', () => {
    const custom = { later: (_attempt: number, error: unknown) => (error as { afterMs: number }).afterMs };
    const state = new BackoffState({ type: 'custom', name: 'later' }, { custom });
    expect(state.next({ afterMs: 42 })).toBe(42);
  });
});

describe('a back-off as an option', () => {
  const growing = { initialMs: 10, maxMs: 100 };

  test.each<[Backoff]>([
    [{ type: 'fixed', delayMs: 0 }],
    [{ type: 'linear', ...growing }],
    [{ type: 'fibonacci', ...growing, factor: 0.5, jitter: 'equal' }],
    [{ type: 'exponential', ...growing, factor: 1, jitter: undefined }],
    [{ type: 'decorrelated', ...growing }],
    [{ type: 'list', delaysMs: [1, 2] }],
    [{ type: 'custom', name: 'polite' }],
  ])('%j is taken as it is', (backoff) => {
    expect(parseOptions(backoffSchema, backoff)).toEqual(backoff);
  });

  test.each<[unknown, string]>([
    [{ type: 'fixed' }, 'backoff.delayMs must be a whole number of milliseconds, got undefined'],
    [{ type: 'fixed', delayMs: -1 }, 'backoff.delayMs must be at least 0, got -1'],
    [
      { type: 'fixed', delayMs: century + 1 },
      `backoff.delayMs must be at most ${century}, got ${century + 1}`,
    ],
    [{ type: 'fixed', delayMs: 1, jitter: 'full' }, 'backoff.jitter is not an option, got "full"'],
    [{ type: 'linear', initialMs: 9, maxMs: 8 }, 'backoff.maxMs must be at least initialMs, got 8'],
    [{ type: 'exponential', initialMs: 9, maxMs: 8 }, 'backoff.maxMs must be at least initialMs, got 8'],
    [{ type: 'decorrelated', initialMs: 9, maxMs: 8 }, 'backoff.maxMs must be at least initialMs, got 8'],
    [{ type: 'linear', initialMs: 0, maxMs: 8 }, 'backoff.initialMs must be at least 1, got 0'],
    [{ type: 'linear', ...growing, factor: 0 }, 'backoff.factor must be above 0, got 0'],
    [{ type: 'exponential', ...growing, factor: 0.5 }, 'backoff.factor must be at least 1, got 0.5'],
    [
      { type: 'exponential', ...growing, factor: Infinity },
      'backoff.factor must be a number of at least 1, got Infinity',
    ],
    [
      { type: 'linear', ...growing, jitter: 'some' },
      'backoff.jitter must be one of "none"|"full"|"equal", got "some"',
    ],
    [{ type: 'list', delaysMs: [] }, 'backoff.delaysMs must have at least one delay, got []'],
    [{ type: 'custom', name: '' }, 'backoff.name must not be empty, got ""'],
    [5, 'backoff must be an object, got 5'],
  ])('%j is refused', (backoff, message) => {
    expect(() => parseOptions(backoffSchema, backoff, 'backoff')).toThrow(message);
  });
});
