import { isLockstepError } from '@lockstep/core';
import { createLocks, type Locks, type LocksOptions } from '@lockstep/lock';
import type { Redis, Script } from '@lockstep/redis';
import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { acquireAll } from '../src/scripts/acquire-all.ts';
import { acquirePermits } from '../src/scripts/acquire-permits.ts';
import { forceRelease } from '../src/scripts/force-release.ts';
import { indexLocks } from '../src/scripts/index-locks.ts';
import { inspectMutex } from '../src/scripts/inspect-mutex.ts';
import { inspectPermits } from '../src/scripts/inspect-permits.ts';
import { releaseMutex } from '../src/scripts/release-mutex.ts';
import { renew } from '../src/scripts/renew.ts';
import { takeMutex } from '../src/scripts/take-mutex.ts';
import { raw, rejectionOf, silent } from './behaviour/setup.ts';
import { MemoryMasters } from './quorum/memory-masters.ts';

type AnyScript = Pick<Script, 'variant'>;

interface Bench extends AsyncDisposable {
  readonly at: MemoryConnection;
  readonly locks: Locks;
  /** What no caller awaited. */
  readonly told: { readonly operation: unknown }[];
}

async function bench(options: Partial<LocksOptions> = {}): Promise<Bench> {
  const at = await memoryConnection({ logger: silent });
  const told: Bench['told'] = [];
  const onError = (_: unknown, context: object): void => void told.push(context as never);
  const locks = createLocks({ redis: at.redis, logger: silent, onError, ...options });
  return { at, locks, told, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
}

/** The next calls of a script fail, and not because Redis is away. */
function refuse(redis: Redis, script: AnyScript, times = 1): void {
  memoryFaults(redis).failNext(new Error('WRONGTYPE Operation against a key'), {
    match: callsOf(script),
    times,
  });
}

describe('a script that Redis refuses', () => {
  it('fails the acquisition, and withdraws the request', async () => {
    await using one = await bench();
    refuse(one.at.redis, takeMutex);
    await rejectionOf(one.locks.acquire('a'));
    refuse(one.at.redis, acquireAll);
    await rejectionOf(one.locks.acquireAll(['a', 'b']));
    refuse(one.at.redis, acquirePermits);
    await rejectionOf(one.locks.semaphore('a', { permits: 1 }).acquire());
    await one.at.clock.advance(10);
    await using again = await one.locks.acquire('a', { waitMs: 0 });
    expect(again.isValid()).toBe(true);
  });

  it('of several locks fails the release', async () => {
    await using one = await bench();
    const all = await one.locks.acquireAll(['a', 'b'], { ttlMs: 1_000 });
    refuse(one.at.redis, releaseMutex);
    await rejectionOf(all.release());
    // What failed is asked again; the lock that went free meanwhile says so.
    expect(await all.release()).toBe('released');
  });

  it('fails inspection, the list and a release by force', async () => {
    await using one = await bench();
    await one.locks.acquire('a', { ttlMs: 60_000 });
    refuse(one.at.redis, inspectMutex);
    await rejectionOf(one.locks.inspect('a'));
    refuse(one.at.redis, inspectMutex);
    await rejectionOf(
      (async () => {
        for await (const held of one.locks.list()) expect(held.name).toBe('a');
      })(),
    );
    refuse(one.at.redis, forceRelease);
    await rejectionOf(one.locks.forceRelease('a'));
    refuse(one.at.redis, inspectPermits);
    await rejectionOf(one.locks.semaphore('a', { permits: 1 }).inspect());
    expect(await one.locks.forceRelease('a')).toBe(true);
    expect(await one.locks.forceRelease('a')).toBe(false);
  });

  it('of the index is told, and the name is entered with the next grant', async () => {
    await using one = await bench();
    refuse(one.at.redis, indexLocks);
    const first = await one.locks.acquire('a');
    await one.at.clock.advance(20);
    expect(one.told).toEqual([expect.objectContaining({ operation: 'index' })]);
    await first.release();
    await one.locks.acquire('a');
    const listed: string[] = [];
    for await (const held of one.locks.list()) listed.push(held.name);
    expect(listed).toEqual(['a']);
  });

  it('of observing an election is told, and the observer goes on', async () => {
    await using one = await bench();
    const over = new AbortController();
    refuse(one.at.redis, inspectMutex);
    const seen: unknown[] = [];
    const observing = (async () => {
      for await (const leader of one.locks.election('a').observe({ signal: over.signal })) {
        seen.push(leader?.metadata);
        if (leader) over.abort();
      }
    })();
    await one.at.clock.advance(10);
    expect(one.told).toEqual([expect.objectContaining({ operation: 'observe' })]);
    await one.locks.election('a', { metadata: 'us' }).campaign();
    await one.at.clock.advance(6_000);
    await observing;
    expect(seen.at(-1)).toBe('us');
  });
});

describe('a server that does not answer', () => {
  it('leaves an extend unknown, and the lease as long as it was', async () => {
    await using one = await bench();
    const lock = await one.locks.acquire('a', { ttlMs: 30_000, autoExtend: false });
    memoryFaults(one.at.redis).failNext(new Error("READONLY You can't write against a read only replica."), {
      match: callsOf(renew),
      times: 500,
    });
    const extending = rejectionOf(lock.extend(60_000));
    await one.at.clock.advance(5_000);
    expect(isLockstepError(await extending, 'REDIS_UNAVAILABLE')).toBe(true);
    expect(lock.isValid()).toBe(true);
    expect(lock.expiresAt - one.at.clock.now()).toBeLessThan(25_000);
  });

  it('is not waited for by a latch beyond its signal, nor by an observer that came too late', async () => {
    await using one = await bench();
    const over = new AbortController();
    memoryFaults(one.at.redis).disconnect();
    const waiting = rejectionOf(one.locks.latch('a', 1).wait({ signal: over.signal }));
    await one.at.clock.advance(10);
    over.abort(new Error('enough'));
    await one.at.clock.advance(1);
    const settled = await Promise.race([waiting, one.at.clock.advance(0).then(() => 'still waits')]);
    expect(settled).toMatchObject({ message: 'enough' });
    expect(await rejectionOf(one.locks.latch('a', 1).wait({ signal: over.signal }))).toMatchObject({
      message: 'enough',
    });
    const observer = one.locks.election('a').observe({ signal: over.signal });
    expect(await rejectionOf(observer.next())).toMatchObject({ message: 'enough' });
  });

  it('is waited out by a latch while there is time, and is the reason when there is none', async () => {
    await using one = await bench();
    await using other = await memoryConnection({ name: one.at.name, clock: one.at.clock, logger: silent });
    const opened = one.locks.latch('a', 1).wait({ waitMs: 60_000 });
    const late = rejectionOf(one.locks.latch('b', 1).wait({ waitMs: 5_000 }));
    await one.at.clock.advance(100);
    memoryFaults(one.at.redis).disconnect();
    await one.at.clock.advance(12_000);
    expect(isLockstepError(await late, 'REDIS_UNAVAILABLE')).toBe(true);
    await createLocks({ redis: other.redis, logger: silent }).latch('a', 1).countDown();
    memoryFaults(one.at.redis).reconnect();
    await one.at.clock.advance(500);
    await opened;
  });

  it('does not keep the release of a lock that has run out from saying so', async () => {
    await using one = await bench();
    const early = await one.locks.acquire('a', { ttlMs: 1_000 });
    const late = await one.locks.acquire('b', { ttlMs: 3_000, autoExtend: false });
    const long = await one.locks.acquire('c', { ttlMs: 60_000, autoExtend: false });
    memoryFaults(one.at.redis).disconnect();
    await one.at.clock.advance(1_500);
    const releasing = [early.release(), late.release(), rejectionOf(long.release())];
    await one.at.clock.advance(2_500);
    // The second ran out while Redis was being waited for; the third is ours still.
    const [first, second, third] = await Promise.all(releasing);
    expect([first, second]).toEqual(['expired', 'expired']);
    expect(isLockstepError(third, 'REDIS_UNAVAILABLE')).toBe(true);
    expect(await early.release()).toBe('expired');
    memoryFaults(one.at.redis).reconnect();
    await one.at.clock.advance(100);
    expect(await long.release()).toBe('released');
    expect(await one.locks.stats()).toMatchObject({ released: 1, lost: 2 });
  });

  it('of a quorum neither: the answer does not wait until the lock would have ended', async () => {
    await using masters = new MemoryMasters(3);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    const short = await locks.acquire('a', { ttlMs: 500 });
    const long = await locks.acquire('b', { ttlMs: 60_000, autoExtend: false });
    await masters.advance(10);
    for (const redis of connections) memoryFaults(redis).disconnect();
    await masters.advance(1_000);
    const releasing = [short.release(), rejectionOf(long.release())] as const;
    await masters.advance(2_500);
    expect(await releasing[0]).toBe('expired');
    expect(isLockstepError(await releasing[1], 'REDIS_UNAVAILABLE')).toBe(true);
    // It is told all the same, as soon as it can be.
    for (const redis of connections) memoryFaults(redis).reconnect();
    await masters.advance(1_000);
    expect(await locks.inspect('b')).toMatchObject({ held: false });
  });

  it('takes back what was granted after the end of the lock', async () => {
    await using masters = new MemoryMasters(1);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent });
    await masters.freeze(0);
    const trying = locks.tryAcquire('a', { ttlMs: 100, autoExtend: false });
    await masters.advance(99);
    await masters.thaw(0);
    await masters.advance(1);
    expect(await trying).toBeNull();
    expect(await connections[0]!.client.exists('q:lock:a')).toBe(0);
  });
});

describe('a wait that is given up', () => {
  it.each<[string, (locks: Locks) => Promise<{ release(): Promise<unknown> }>, string]>([
    [
      're-entrant',
      (locks) => locks.reentrant('a', 'us').acquire({ waitMs: 100 }),
      '{lockstep:lock:a}:waiters',
    ],
    [
      'semaphore',
      (locks) => locks.semaphore('a', { permits: 1 }).acquire({ waitMs: 100 }),
      '{lockstep:lock:a}:semaphore:waiters',
    ],
    ['several', (locks) => locks.acquireAll(['a', 'b'], { waitMs: 100 }), '{lockstep:lock:b}:waiters'],
  ])('leaves no place in the line: %s', async (_, acquire, line) => {
    await using one = await bench();
    const others = createLocks({ redis: one.at.redis, logger: silent });
    await others.acquire('a', { ttlMs: 60_000 });
    await others.semaphore('a', { permits: 1 }).acquire({ ttlMs: 60_000 });
    const waiting = rejectionOf(acquire(one.locks));
    await one.at.clock.advance(50);
    expect(await raw(one.at.redis).llen(line)).toBe(1);
    await one.at.clock.advance(100);
    expect(isLockstepError(await waiting, 'LOCK_TIMEOUT')).toBe(true);
    expect(await raw(one.at.redis).llen(line)).toBe(0);
  });
});

describe('a quorum that cannot be asked', () => {
  it('fails inspection instead of saying that nobody holds it', async () => {
    await using masters = new MemoryMasters(3);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    const lock = await locks.acquire('a', { ttlMs: 60_000 });
    await masters.advance(10);
    refuse(connections[0]!, inspectMutex);
    expect(await locks.inspect('a')).toMatchObject({ held: true, owner: lock.owner });
    for (const redis of connections) refuse(redis, inspectMutex);
    await rejectionOf(locks.inspect('a'));
    await masters.freeze(1);
    await masters.freeze(2);
    const inspecting = rejectionOf(locks.inspect('a'));
    await masters.advance(600);
    expect(isLockstepError(await inspecting, 'REDIS_UNAVAILABLE')).toBe(true);
    await masters.thaw(1);
    await masters.thaw(2);
    await masters.advance(10);
    await lock.release();
  });

  it('shows a holder of another library without a token', async () => {
    await using masters = new MemoryMasters(3);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    await Promise.all(connections.map(({ client }) => client.set('q:lock:a', 'theirs')));
    expect(await locks.inspect('a')).toMatchObject({
      owner: 'theirs',
      fencingToken: undefined,
      acquiredAt: undefined,
    });
  });

  it('shows the permits of the node that knows of most, and fails when none answers', async () => {
    await using masters = new MemoryMasters(3);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    const semaphore = locks.semaphore('a', { permits: 2 });
    await semaphore.acquire({ ttlMs: 60_000, metadata: 'first' });
    await masters.advance(10);
    refuse(connections[0]!, inspectPermits);
    await connections[1]!.client.del('{q:lock:a}:semaphore:holders');
    expect(await semaphore.inspect()).toMatchObject({ inUse: 1, holders: [{ metadata: 'first' }] });
    for (const redis of connections) refuse(redis, inspectPermits);
    await rejectionOf(semaphore.inspect());
  });

  it('fails a release by force that reaches a minority only', async () => {
    await using masters = new MemoryMasters(3);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    await locks.acquire('a', { ttlMs: 60_000 });
    await masters.advance(10);
    for (const redis of connections.slice(0, 2)) refuse(redis, forceRelease);
    await rejectionOf(locks.forceRelease('a'));
    expect(await locks.forceRelease('a')).toBe(true);
  });
});
