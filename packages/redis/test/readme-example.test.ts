import { expect, it } from 'vitest';
import { countVisits } from './readme-example.ts';

it('the example of the README counts each visit once', async () => {
  expect(await countVisits('memory://readme', ['a', 'b', 'a'])).toBe(2);
});
