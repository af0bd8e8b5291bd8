import { expect, test } from 'vitest';
import { systemRandom } from '@lockstep/core';

test('identifiers are 22 characters of base64url and do not repeat', () => {
  const ids = Array.from({ length: 10_000 }, () => systemRandom.id());
  for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/);
  expect(new Set(ids).size).toBe(ids.length);
});

test('numbers lie in [0, 1) and differ', () => {
  const numbers = Array.from({ length: 1_000 }, () => systemRandom.next());
  for (const number of numbers) {
    expect(number).toBeGreaterThanOrEqual(0);
    expect(number).toBeLessThan(1);
  }
  expect(new Set(numbers).size).toBeGreaterThan(900);
});
