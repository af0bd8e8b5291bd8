import { afterAll, describe } from 'vitest';
import { quorumBehaviour } from './quorum.behaviour.ts';
import { MemoryMasters } from './quorum/memory-masters.ts';

describe.each([3, 5])('on %i memory servers', (count) => {
  const harness = new MemoryMasters(count);
  afterAll(() => harness[Symbol.asyncDispose]());
  quorumBehaviour(harness);
});
