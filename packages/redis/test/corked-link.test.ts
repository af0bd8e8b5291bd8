import { expect, test } from 'vitest';
import { corkedLink } from '../src/ioredis/corked-link.ts';
import type { NodeClient } from '../src/ioredis/link.ts';

/** A client that notes how many calls each write to its socket takes along. */
function countingClient() {
  const writes: number[] = [];
  let corked = false;
  let waiting = 0;
  const stream = {
    cork: () => void (corked = true),
    uncork: () => {
      if (waiting > 0) writes.push(waiting);
      waiting = 0;
      corked = false;
    },
  };
  const evalsha = (): Promise<unknown> => {
    if (corked) waiting += 1;
    else writes.push(1);
    return Promise.resolve('reply');
  };
  return { writes, client: { stream, evalsha } as unknown as NodeClient };
}

const call = { command: 'evalsha', script: 'sha', keyCount: 0, args: [], encodedKeys: undefined } as const;
const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the first call of a turn is sent at once, the others together, in parts', async () => {
  const { writes, client } = countingClient();
  const link = corkedLink(client);
  const replies = Array.from({ length: 40 }, () => link.send(call, 0, undefined));
  expect(writes).toEqual([1, 15, 16]);
  await turnOver();
  expect(writes).toEqual([1, 15, 16, 8]);
  expect(await Promise.all(replies)).toEqual(Array.from({ length: 40 }, () => 'reply'));
});

test('the next turn begins anew', async () => {
  const { writes, client } = countingClient();
  const link = corkedLink(client);
  for (let turn = 0; turn < 2; turn += 1) {
    void link.send(call, 0, undefined);
    await turnOver();
  }
  expect(writes).toEqual([1, 1]);
});
