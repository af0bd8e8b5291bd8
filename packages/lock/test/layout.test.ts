import { isLockstepError } from '@lockstep/core';
import { createLocks, type LockHandle, type Locks } from '@lockstep/lock';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { raw, rejectionOf, silent } from './behaviour/setup.ts';
import { LockEngine } from '../src/engine.ts';
import { MutexClaim } from '../src/mutex-claim.ts';
import { resolveLocksOptions } from '../src/options.ts';
import { raiseAt } from '../src/raise-token.ts';

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
  // Of several locks the others, which are as they are known, remember that the request was given up.
  const others = '{lockstep:lock:d}:gone';
  const keys = async (): Promise<string[]> =>
    (await at.redis.client.keys('*')).filter((found) => found !== others).sort();
  const before = await keys();
  const error = await rejectionOf(act());
  expect(isLockstepError(error, 'LAYOUT_TOO_NEW') && error.found).toBe(7);
  await at.clock.advance(10);
  expect(await keys()).toEqual(before);
  expect(await raw(at.redis).hgetall(key)).toEqual({ layout: '7' });
});

describe('a lock that was raised to a newer layout while it is held', () => {
  type Commands = Record<string, (...args: unknown[]) => Promise<unknown>>;
  const everything = async (): Promise<unknown> => {
    const client = at.redis.client as unknown as Commands;
    const read: Commands = {
      string: (key) => client['get']!(key),
      hash: (key) => client['hgetall']!(key),
      zset: (key) => client['zrange']!(key, 0, -1, 'WITHSCORES'),
      list: (key) => client['lrange']!(key, 0, -1),
    };
    const found = (await at.redis.client.keys('*')).filter((key) => !key.includes('index:')).sort();
    const contents = found.map(async (key) => {
      const type = (await client['type']!(key)) as string;
      return [key, await read[type]!(key), await client['pttl']!(key)];
    });
    return Promise.all(contents);
  };
  const kinds: [string, string, () => Promise<LockHandle>][] = [
    ['a mutex', '{lockstep:lock:m}:meta', () => locks.acquire('m')],
    [
      'a mutex of which something is told',
      '{lockstep:lock:n}:meta',
      () => locks.acquire('n', { metadata: 1 }),
    ],
    ['a re-entrant lock', '{lockstep:lock:o}:meta', () => locks.reentrant('o', 'us').acquire()],
    [
      'a permit',
      '{lockstep:lock:p}:semaphore:meta',
      () => locks.semaphore('p', { permits: 2 }).acquire({ count: 2 }),
    ],
    ['leadership', '{lockstep:lock:q}:leader:meta', () => locks.election('q').campaign()],
  ];

  it.each(kinds)('is neither renewed, extended, released nor told a token: %s', async (_, meta, take) => {
    const lock = await take();
    await at.clock.advance(50);
    await raw(at.redis).hset(meta, 'layout', '7');
    const before = await everything();
    for (const act of [() => lock.extend(60_000), () => lock.release()]) {
      const error = await rejectionOf(act());
      expect(isLockstepError(error, 'LAYOUT_TOO_NEW') && error.found).toBe(7);
    }
    expect(await everything()).toEqual(before);
  });

  it('is not taken by force, nor given a token of other locks', async () => {
    const lock = await locks.acquire('r');
    await at.clock.advance(50);
    await raw(at.redis).hset('{lockstep:lock:r}:meta', 'layout', '7');
    const before = await everything();
    const engine = new LockEngine(resolveLocksOptions({ redis: at.redis, logger: silent }));
    const { owner } = lock;
    const claim = new MutexClaim(owner, {
      name: 'r',
      ttlMs: 1_000,
      durable: false,
      metadata: '',
      touch: true,
      election: false,
    });
    for (const act of [
      () => locks.forceRelease('r'),
      () => raiseAt(engine.places[0]!, claim, lock.fencingToken + 1_000),
    ]) {
      expect(isLockstepError(await rejectionOf(act()), 'LAYOUT_TOO_NEW')).toBe(true);
    }
    expect(await everything()).toEqual(before);
  });
});

it('health says that this process has to be upgraded, from when it first met a newer layout', async () => {
  const told: unknown[] = [];
  const logger = { ...silent, warn: (_: object, message: string) => told.push(message) };
  const fresh = createLocks({ redis: at.redis, logger, onError: () => {} });
  expect(await fresh.health()).toMatchObject({ status: 'up' });
  const lock = await fresh.acquire('s', { ttlMs: 900 });
  await raw(at.redis).hset('{lockstep:lock:s}:meta', 'layout', '7');
  // The renewal meets it; the other lock is renewed.
  const other = await fresh.acquire('t', { ttlMs: 900 });
  await at.clock.advance(400);
  const report = await fresh.health();
  expect(report).toMatchObject({ status: 'degraded' });
  expect(report.checks.find(({ name }) => name === 'layout')).toMatchObject({
    status: 'degraded',
    value: { found: 7 },
    remedy: expect.stringContaining('upgrade') as unknown,
  });
  await at.clock.advance(1_000);
  expect([lock.isValid(), other.isValid()]).toEqual([false, true]);
  expect(told.filter((message) => String(message).includes('upgraded'))).toHaveLength(1);
  await rejectionOf(fresh.acquire('s'));
  await fresh.close();
});
