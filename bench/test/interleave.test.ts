import { expect, test } from 'vitest';
import { interleave } from '../src/interleave.ts';

/** Contestants whose figures are given, and the order in which they were asked. */
function scripted(figures: Readonly<Record<string, readonly number[]>>) {
  const order: string[] = [];
  const contestants = Object.entries(figures).map(([name, values]) => {
    let round = 0;
    return {
      name,
      measure: async () => {
        order.push(name);
        return values[round++]!;
      },
    };
  });
  return { contestants, order };
}

test('each round starts with another contestant', async () => {
  const ones = [1, 1, 1, 1, 1, 1];
  const { contestants, order } = scripted({ a: ones, b: ones, c: ones });
  await interleave({ baseline: 'a', rounds: 5, contestants });
  expect(order.join('')).toBe('abcbcacababcbcacab');
});

test('the round before the first does not count', async () => {
  const { contestants } = scripted({ a: [999, 1, 2, 3, 4, 5] });
  const [standing] = await interleave({ baseline: 'a', rounds: 5, contestants });
  expect(standing!.figure).toEqual({ median: 3, lowerQuartile: 2, upperQuartile: 4, min: 1, max: 5 });
});

test('a ratio is taken within each round, so that a slow moment of the machine cancels out', async () => {
  const { contestants } = scripted({ base: [1, 10, 10, 100, 10, 10], ours: [1, 20, 20, 200, 20, 20] });
  const [, ours] = await interleave({ baseline: 'base', rounds: 5, contestants });
  expect(ours!.ratio).toMatchObject({ median: 2, min: 2, max: 2 });
});

test('fewer than five rounds, and a baseline that does not take part, are refused', async () => {
  const { contestants } = scripted({ a: [1] });
  await expect(interleave({ baseline: 'a', rounds: 4, contestants })).rejects.toThrow('at least 5');
  await expect(interleave({ baseline: 'b', rounds: 5, contestants })).rejects.toThrow('not a contestant');
});
