import { isLockstepError } from '@lockstep/core';
import { createLocks, type Locks } from '@lockstep/lock';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { raw, rejectionOf, silent } from './behaviour/setup.ts';

let at: MemoryConnection;
let locks: Locks;
beforeAll(async () => {
  at = await memoryConnection({ logger: silent });
  locks = createLocks({ redis: at.redis, logger: silent });
});
afterAll(() => at[Symbol.asyncDispose]());

it.each<[string, string, () => Promise<unknown>]>([
  ['a mutex', '{lockstep:lock:a}:meta', () => locks.acquire('a')],
  ['a re-entrant lock', '{lockstep:lock:b}:meta', () => locks.reentrant('b', 'owner').acquire()],
  ['several locks', '{lockstep:lock:c}:meta', () => locks.acquireAll(['c', 'd'])],
  ['a semaphore', '{lockstep:lock:e}:semaphore:meta', () => locks.semaphore('e', { permits: 2 }).acquire()],
  ['a read-write lock', '{lockstep:lock:f}:read-write:meta', () => locks.readWrite('f').write()],
  ['a latch', '{lockstep:lock:g}:latch', () => locks.latch('g', 2).countDown()],
  ['a latch that is waited for', '{lockstep:lock:h}:latch', () => locks.latch('h', 2).wait()],
])('%s that a newer release keeps otherwise is refused and left as it is', async (_, key, act) => {
  await raw(at.redis).hset(key, 'layout', '7');
  const keys = async (): Promise<string[]> =>
    // What is remembered is that the request was given up.
    (await at.redis.client.keys('*')).filter((found) => !found.endsWith(':gone')).sort();
  const before = await keys();
  const error = await rejectionOf(act());
  expect(isLockstepError(error, 'LAYOUT_TOO_NEW') && error.found).toBe(7);
  await at.clock.advance(10);
  expect(await keys()).toEqual(before);
  expect(await raw(at.redis).hgetall(key)).toEqual({ layout: '7' });
});
