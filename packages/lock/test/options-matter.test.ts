import { isLockstepError } from '@lockstep/core';
import { createLocks, fenced, type AcquireOptions, type LockHandle, type Locks } from '@lockstep/lock';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rejectionOf, silent } from './behaviour/setup.ts';

/** One case for each option: it fails when the option is ignored. What is refused is in options.test.ts. */

const dayMs = 24 * 60 * 60 * 1_000;
let at: MemoryConnection;
let locks: Locks;
beforeEach(async () => {
  at = await memoryConnection({ logger: silent, prefix: 'p:' });
  locks = createLocks({ redis: at.redis, logger: silent });
});
afterEach(() => at[Symbol.asyncDispose]());

const pttl = (key: string): Promise<number> =>
  (at.redis.client as unknown as { pttl(key: string): Promise<number> }).pttl(key);

type Take = (options: AcquireOptions) => Promise<LockHandle>;

/** Each way to take a lock, and a key that lives as long as the lease. */
const ways: [string, string, () => Take][] = [
  ['acquire', 'p:lock:a', () => (options) => locks.acquire('a', options)],
  ['tryAcquire', 'p:lock:a', () => async (options) => (await locks.tryAcquire('a', options))!],
  ['mutex', 'p:lock:a', () => (options) => locks.mutex('a').acquire(options)],
  ['reentrant', 'p:lock:a', () => (options) => locks.reentrant('a', 'us').acquire(options)],
  ['read', '{p:lock:a}:read-write:holders', () => (options) => locks.readWrite('a').read(options)],
  ['write', '{p:lock:a}:read-write:holders', () => (options) => locks.readWrite('a').write(options)],
  [
    'semaphore',
    '{p:lock:a}:semaphore:holders',
    () => (options) => locks.semaphore('a', { permits: 1 }).acquire(options),
  ],
  ['acquireAll', 'p:lock:b', () => (options) => locks.acquireAll(['a', 'b'], options)],
];

describe.each(ways)('%s', (_, key, take) => {
  it('ttlMs: how long the lease lasts', async () => {
    const lock = await take()({ ttlMs: 700, autoExtend: false });
    expect(await pttl(key)).toBe(700);
    expect(lock.expiresAt - at.clock.now()).toBeLessThan(700);
    await at.clock.advance(700);
    expect(lock.isValid()).toBe(false);
  });

  it('autoExtend: renewed unless it is off', async () => {
    const lock = await take()({ ttlMs: 700, autoExtend: false });
    await at.clock.advance(800);
    expect(lock.signal.aborted).toBe(true);
    const renewed = await take()({ ttlMs: 700 });
    await at.clock.advance(2_000);
    expect(renewed.isValid()).toBe(true);
  });

  it('maxHoldMs: renewed no longer than that', async () => {
    const lock = await take()({ ttlMs: 700, maxHoldMs: 1_500 });
    await at.clock.advance(1_300);
    expect(lock.isValid()).toBe(true);
    await at.clock.advance(300);
    expect(lock.isValid()).toBe(false);
    expect(await pttl(key)).toBeLessThan(0);
  });
});

describe.each(ways.filter(([name]) => name !== 'tryAcquire' && name !== 'reentrant' && name !== 'read'))(
  '%s',
  (_, key, take) => {
    it('waitMs: how long it waits, 10 s by default', async () => {
      await take()({ ttlMs: 60_000 });
      expect(isLockstepError(await rejectionOf(take()({ waitMs: 0 })), 'LOCK_TIMEOUT')).toBe(true);
      for (const [options, waits] of [
        [{ waitMs: 300 }, 300],
        [{}, 10_000],
      ] as const) {
        let settled = false;
        const waiting = rejectionOf(take()(options)).finally(() => (settled = true));
        await at.clock.advance(waits - 20);
        expect(settled).toBe(false);
        await at.clock.advance(30);
        expect(isLockstepError(await waiting, 'LOCK_TIMEOUT')).toBe(true);
      }
    });

    it('signal: ends the wait with its reason', async () => {
      await take()({ ttlMs: 60_000 });
      const over = new AbortController();
      const waiting = rejectionOf(take()({ waitMs: Infinity, signal: over.signal }));
      await at.clock.advance(20_000);
      over.abort(new Error('enough'));
      expect(await waiting).toMatchObject({ message: 'enough' });
      expect(await pttl(key)).toBeGreaterThan(0);
    });
  },
);

describe('metadata', () => {
  it('is shown while the lease is held', async () => {
    await locks.acquire('a', { metadata: { host: 'one' } });
    await locks.tryAcquire('b', { metadata: 2 });
    await locks.reentrant('c', 'us').acquire({ metadata: [3] });
    await locks.acquireAll(['d', 'e'], { metadata: 'four' });
    const shown = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => locks.inspect(name)));
    expect(shown.map((lock) => lock.held && lock.metadata)).toEqual([
      { host: 'one' },
      2,
      [3],
      'four',
      'four',
    ]);
    await locks.semaphore('s', { permits: 1 }).acquire({ metadata: 'five' });
    expect((await locks.semaphore('s', { permits: 1 }).inspect()).holders[0]!.metadata).toBe('five');
    await locks.readWrite('r').write({ metadata: 'six' });
    expect((await locks.readWrite('r').inspect()).writer!.metadata).toBe('six');
    await locks.election('l', { metadata: 'seven' }).campaign();
    expect((await locks.election('l').leader())!.metadata).toBe('seven');
  });
});

describe('createLocks', () => {
  it('redis, prefix: where the keys are', async () => {
    const other = createLocks({ redis: at.redis, prefix: 'x:', logger: silent });
    await Promise.all([locks.acquire('a'), other.acquire('a')]);
    expect(await at.redis.client.exists('p:lock:a', 'p:x:a')).toBe(2);
  });

  it('fence: how long the counter is kept', async () => {
    await (await locks.acquire('a', { ttlMs: 1_000 })).release();
    const keptMs = await pttl('{p:lock:a}:fence');
    expect(keptMs).toBeGreaterThanOrEqual(7 * dayMs);
    expect(keptMs).toBeLessThan(9 * dayMs);
    const durable = createLocks({ redis: at.redis, fence: 'durable', logger: silent });
    await (await durable.acquire('b')).release();
    await (await durable.semaphore('b', { permits: 1 }).acquire()).release();
    await (await durable.acquireAll(['c'])).release();
    await (await durable.acquire('a')).release();
    for (const key of ['{p:lock:a}', '{p:lock:b}', '{p:lock:b}:semaphore', '{p:lock:c}'])
      expect(await pttl(`${key}:fence`)).toBe(-1);
  });

  it('fence: heeded by renewal too', async () => {
    const durable = createLocks({ redis: at.redis, fence: 'durable', logger: silent });
    await durable.acquire('a', { ttlMs: 900 });
    await durable.semaphore('a', { permits: 1 }).acquire({ ttlMs: 900 });
    await locks.acquire('b', { ttlMs: 900 });
    await at.clock.advance(2_000);
    expect([await pttl('{p:lock:a}:fence'), await pttl('{p:lock:a}:semaphore:fence')]).toEqual([-1, -1]);
    expect(await pttl('{p:lock:b}:fence')).toBeGreaterThan(8 * dayMs - 1_000);
  });
});

describe('the other primitives', () => {
  it('semaphore: permits, setPermits, count', async () => {
    const semaphore = locks.semaphore('a', { permits: 3 });
    const two = await semaphore.acquire({ count: 2 });
    expect(await semaphore.tryAcquire({ count: 2 })).toBeNull();
    expect(await semaphore.tryAcquire()).not.toBeNull();
    expect(await semaphore.tryAcquire()).toBeNull();
    semaphore.setPermits(4);
    expect(await semaphore.tryAcquire()).not.toBeNull();
    await two.release();
    semaphore.setPermits(2);
    expect(await semaphore.tryAcquire()).toBeNull();
  });

  it('reentrant: owner', async () => {
    await locks.reentrant('a', 'us').acquire();
    expect(await locks.reentrant('a', 'us').tryAcquire()).not.toBeNull();
    expect(await locks.reentrant('a', 'them').tryAcquire()).toBeNull();
  });

  it('list: match', async () => {
    await Promise.all(['a.b', 'a.c', 'd.b'].map((name) => locks.acquire(name)));
    const names: string[] = [];
    for await (const { name } of locks.list({ match: 'a.*' })) names.push(name);
    expect(names.sort()).toEqual(['a.b', 'a.c']);
  });

  it('election: ttlMs; a campaign waits for ever unless waitMs or signal say otherwise', async () => {
    const leading = await locks.election('a', { ttlMs: 3_000 }).campaign({ autoExtend: false });
    expect(await pttl('{p:lock:a}:leader')).toBe(3_000);
    await leading.release();
    await locks.election('a').campaign();
    expect(await pttl('{p:lock:a}:leader')).toBe(10_000);
    const candidate = createLocks({ redis: at.redis, logger: silent }).election('a');
    const short = rejectionOf(candidate.campaign({ waitMs: 200 }));
    await at.clock.advance(300);
    expect(isLockstepError(await short, 'LOCK_TIMEOUT')).toBe(true);
    const over = new AbortController();
    let settled = false;
    const campaign = rejectionOf(candidate.campaign({ signal: over.signal })).finally(() => (settled = true));
    await at.clock.advance(60_000);
    expect(settled).toBe(false);
    over.abort(new Error('enough'));
    expect(await campaign).toMatchObject({ message: 'enough' });
  });

  it('election: maxHoldMs', async () => {
    const election = locks.election('a', { ttlMs: 700 });
    const leading = await election.campaign({ maxHoldMs: 1_500 });
    await at.clock.advance(1_300);
    expect(leading.isValid()).toBe(true);
    await at.clock.advance(300);
    expect([leading.isValid(), election.leadership]).toEqual([false, undefined]);
    expect(await pttl('{p:lock:a}:leader')).toBeLessThan(0);
  });

  it('latch: count, keepMs, and the waitMs and signal of wait', async () => {
    const latch = locks.latch('a', 2, { keepMs: 5_000 });
    expect(await latch.countDown()).toBe(1);
    expect(await pttl('{p:lock:a}:latch')).toBe(5_000);
    await locks.latch('b', 2).countDown();
    expect(await pttl('{p:lock:b}:latch')).toBe(dayMs);
    // Whoever waits keeps it, whoever looks does not.
    await at.clock.advance(1_000);
    await locks.latch('b', 2).left();
    expect(await pttl('{p:lock:b}:latch')).toBe(dayMs - 1_000);
    await rejectionOf(locks.latch('b', 2).wait({ waitMs: 0 }));
    expect(await pttl('{p:lock:b}:latch')).toBe(dayMs);
    let timedOut = false;
    const waiting = rejectionOf(latch.wait({ waitMs: 400 })).finally(() => (timedOut = true));
    await at.clock.advance(390);
    expect(timedOut).toBe(false);
    await at.clock.advance(20);
    expect(timedOut).toBe(true);
    expect(isLockstepError(await waiting, 'OPERATION_TIMEOUT')).toBe(true);
    const over = new AbortController();
    const aborted = rejectionOf(latch.wait({ signal: over.signal }));
    over.abort(new Error('enough'));
    await at.clock.advance(1);
    expect(await aborted).toMatchObject({ message: 'enough' });
  });

  it('fenced: ttlMs of the value', async () => {
    await fenced(at.redis).set('a', 1, 5, { ttlMs: 900 });
    await fenced(at.redis).set('b', 1, 5);
    expect(await pttl('{p:fenced:a}:value')).toBe(900);
    expect([await pttl('{p:fenced:a}:token'), await pttl('{p:fenced:b}:value')]).toEqual([-1, -1]);
  });

  it('close: drainMs and abortMs', async () => {
    let finish = (): void => {};
    const work = locks.withLock('a', {}, () => new Promise<void>((resolve) => (finish = resolve)));
    await at.clock.advance(1);
    let closed = false;
    const closing = locks.close({ drainMs: 400, abortMs: 300 }).finally(() => (closed = true));
    await at.clock.advance(690);
    expect(closed).toBe(false);
    await at.clock.advance(20);
    expect(closed).toBe(true);
    expect(await closing).toMatchObject({ finished: 0, aborted: 1, returned: 1 });
    finish();
    await work;
  });

  it('extend: for how long', async () => {
    const lock = await locks.acquire('a', { ttlMs: 1_000, autoExtend: false });
    await lock.extend(5_000);
    expect(await pttl('p:lock:a')).toBe(5_000);
    await lock.extend(300);
    expect(await pttl('p:lock:a')).toBe(300);
    await at.clock.advance(300);
    expect(lock.isValid()).toBe(false);
  });
});
