import { isLockstepError } from '@lockstep/core';
import { createLocks, type Locks, type LockHandle } from '@lockstep/lock';
import { describe, expect, it } from 'vitest';
import { rejectionOf, silent } from './behaviour/setup.ts';
import { MemoryMasters } from './quorum/memory-masters.ts';
import { countOf } from './quorum/setup.ts';

type Start = (locks: Locks, name: string) => Promise<LockHandle | null>;

const starts: [string, Start, (name: string) => string][] = [
  ['acquire', (locks, name) => locks.acquire(name), (name) => `q:lock:${name}`],
  ['tryAcquire', (locks, name) => locks.tryAcquire(name), (name) => `q:lock:${name}`],
  ['an election', (locks, name) => locks.election(name).campaign(), (name) => `{q:lock:${name}}:leader`],
  [
    'a semaphore',
    (locks, name) => locks.semaphore(name, { permits: 1 }).acquire(),
    (name) => `{q:lock:${name}}:semaphore:holders`,
  ],
  ['several at once', (locks, name) => locks.acquireAll([name]), (name) => `q:lock:${name}`],
];

describe.each([1, 3])('closing locks on %i masters', (count) => {
  it.each(starts)('waits for %s under way, whose grant is given back', async (_, start, keyOf) => {
    await using masters = new MemoryMasters(count);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    const name = masters.uniqueName();
    for (let master = 0; master < count; master += 1) await masters.freeze(master);
    const refused = rejectionOf(start(locks, name));
    await masters.advance(1);
    let closed = false;
    const closing = locks.close().finally(() => (closed = true));
    await masters.advance(20);
    expect(closed).toBe(false);
    for (let master = 0; master < count; master += 1) await masters.thaw(master);
    await masters.advance(50);
    expect(closed).toBe(true);
    await closing;
    expect(isLockstepError(await refused, 'CLOSED')).toBe(true);
    expect(await countOf(connections, keyOf(name))).toBe(0);
  });
});
