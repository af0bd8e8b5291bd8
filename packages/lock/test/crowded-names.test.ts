import { ManualClock } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { CrowdedNames } from '../src/crowded-names.ts';
import { crowdedMs } from '../src/timing.ts';

it('a name is crowded for a while after it was found so', async () => {
  const clock = new ManualClock();
  const names = new CrowdedNames(clock);
  expect(names.has('a')).toBe(false);
  names.add('a');
  expect([names.has('a'), names.has('b')]).toEqual([true, false]);
  await clock.advance(crowdedMs - 1);
  expect(names.has('a')).toBe(true);
  names.add('a');
  await clock.advance(crowdedMs);
  expect([names.has('a'), names.has('a')]).toEqual([false, false]);
});

it('remembers the last thousand', () => {
  const names = new CrowdedNames(new ManualClock());
  for (let index = 0; index <= 1_000; index += 1) names.add(`n${index}`);
  expect([names.has('n0'), names.has('n1'), names.has('n1000')]).toEqual([false, true, true]);
});
