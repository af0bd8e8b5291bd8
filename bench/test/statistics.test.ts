import { expect, test } from 'vitest';
import { percentile, spread } from '../src/statistics.ts';

test('the median of an even number of figures lies between the middle two', () => {
  expect(spread([4, 1, 3, 2])).toMatchObject({ median: 2.5, min: 1, max: 4 });
});

test('a percentile between two figures is interpolated', () => {
  expect(percentile([0, 10], 0.99)).toBeCloseTo(9.9);
  expect(percentile([7], 0.99)).toBe(7);
});
