import { createLocks } from '@lockstep/lock';
import { memoryFaults } from '@lockstep/redis/memory';
import { describe, expect, it } from 'vitest';
import { silent } from './behaviour/setup.ts';
import { MemoryMasters } from './quorum/memory-masters.ts';
import { countOf, within } from './quorum/setup.ts';

/** An even number of masters can split in halves, of which neither is a majority. */
describe.each([2, 4])('on %i masters', (count) => {
  async function open() {
    const masters = new MemoryMasters(count);
    const connections = await masters.connect();
    const locks = createLocks({ redis: connections, logger: silent, onError: () => {} });
    const half = connections.slice(0, count / 2);
    return { masters, connections, locks, half };
  }

  it('a lock of which somebody has half is busy after one attempt, and nothing of ours stays', async () => {
    const { masters, connections, locks, half } = await open();
    await using _ = masters;
    const key = 'q:lock:a';
    await Promise.all(half.map(({ client }) => client.set(key, 'somebody')));
    const start = masters.clock.monotonic();
    expect(await within(masters, 2_000, locks.tryAcquire('a', { ttlMs: 10_000 }))).toBeNull();
    // Nobody was waited for: less than the least that a node has for its answer.
    expect(masters.clock.monotonic() - start).toBeLessThan(50);
    await masters.advance(1_000);
    expect(await countOf(connections, key)).toBe(count / 2);
    expect(await Promise.all(half.map(({ client }) => client.get(key)))).toEqual(half.map(() => 'somebody'));
  });

  it('two that have a half each come to an end, and both get it in turn', async () => {
    const { masters, connections, locks } = await open();
    await using _ = masters;
    const theirs = await masters.connect();
    const others = createLocks({ redis: theirs, logger: silent, onError: () => {} });
    const unreached = theirs.slice(0, count / 2).map((redis) => memoryFaults(redis));
    for (const faults of unreached) faults.disconnect();
    const options = { ttlMs: 10_000, waitMs: 5_000 };
    const second = others.acquire('a', options);
    await masters.advance(1);
    // The others have the second half and still hope for the first.
    expect(await countOf(connections, 'q:lock:a')).toBe(count / 2);
    const both = [locks.acquire('a', options), second];
    await masters.advance(1);
    for (const faults of unreached) faults.reconnect();
    const first = await within(masters, 1_000, Promise.race(both));
    expect(await countOf(connections, 'q:lock:a')).toBeGreaterThan(count / 2);
    await first.release();
    const tokens = (await within(masters, 1_000, Promise.all(both))).map((lock) => lock.fencingToken);
    expect(tokens.filter((token) => token > first.fencingToken)).toHaveLength(1);
  });

  it('one master that is down is one too many of two, and changes nothing for four', async () => {
    const { masters, connections, locks } = await open();
    await using _ = masters;
    await masters.freeze(0);
    const answer = locks.tryAcquire('a', { ttlMs: 10_000 }).then(
      (lock) => (lock === null ? 'busy' : 'granted'),
      (error: { code: string }) => error.code,
    );
    expect(await within(masters, 2_000, answer)).toBe(count === 2 ? 'REDIS_UNAVAILABLE' : 'granted');
    await masters.thaw(0);
    await masters.advance(1_000);
    if (count === 2) expect(await countOf(connections, 'q:lock:a')).toBe(0);
  });
});
