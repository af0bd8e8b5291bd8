import { isLockstepError } from '@lockstep/core';
import { createLocks, fenced, type Locks } from '@lockstep/lock';
import type { Doorbell } from '@lockstep/redis';
import { memoryConnection } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { rejectionOf, silent } from './behaviour/setup.ts';
import { MemoryMasters } from './quorum/memory-masters.ts';

const quiet = { logger: silent, onError: (): void => {} };

describe('an acquisition that is aborted while its first script is under way', () => {
  it('leaves no bell behind', async () => {
    await using at = await memoryConnection({ logger: silent });
    await using other = await memoryConnection({ name: at.name, clock: at.clock, logger: silent });
    await createLocks({ redis: other.redis, ...quiet }).acquire('a', { ttlMs: 600_000 });
    const locks = createLocks({ redis: at.redis, ...quiet });
    const bells = new Set<string>();
    const { doorbell } = at.redis as { doorbell: Pick<Doorbell, 'on'> };
    const listen = doorbell.on.bind(doorbell);
    doorbell.on = (bell, ring) => {
      bells.add(bell);
      const remove = listen(bell, ring);
      return () => {
        bells.delete(bell);
        remove();
      };
    };
    for (let turn = 0; turn < 3; turn += 1) {
      // So long that the short script is tried again.
      await at.clock.advance(6_000);
      const over = new AbortController();
      const waiting = rejectionOf(locks.acquire('a', { waitMs: 60_000, signal: over.signal }));
      over.abort(new Error('enough'));
      expect(await waiting).toMatchObject({ message: 'enough' });
      await at.clock.advance(50);
      expect((await locks.inspect('a')).waiters).toEqual([]);
    }
    expect([...bells]).toEqual([]);
  });
});

describe('a write that was given up', () => {
  /** Starts something on a frozen server that thaws after its caller has gone. */
  async function givenUp(
    prepare: (locks: Locks) => Promise<unknown>,
    start: (locks: Locks) => Promise<unknown>,
    look: (locks: Locks) => Promise<unknown>,
  ): Promise<{ before: unknown; after: unknown }> {
    await using masters = new MemoryMasters(1);
    const locks = createLocks({ redis: await masters.connect(), ...quiet });
    await prepare(locks);
    const before = await look(locks);
    await masters.freeze(0);
    const failed = rejectionOf(start(locks));
    await masters.advance(3_000);
    await masters.thaw(0);
    await masters.advance(10);
    expect(isLockstepError(await failed, 'REDIS_UNAVAILABLE')).toBe(true);
    return { before, after: await look(locks) };
  }

  it('is not made later: a guarded value', async () => {
    await using masters = new MemoryMasters(1);
    const [redis] = await masters.connect();
    const values = fenced(redis!);
    await values.set('a', 'first', 1);
    await masters.freeze(0);
    const failed = rejectionOf(values.set('a', 'second', 2));
    await masters.advance(3_000);
    await masters.thaw(0);
    await masters.advance(10);
    expect(isLockstepError(await failed, 'REDIS_UNAVAILABLE')).toBe(true);
    expect(await values.get('a')).toEqual({ value: 'first', fencingToken: 1 });
  });

  it('is not made later: counting a latch down', async () => {
    const { after } = await givenUp(
      (locks) => locks.latch('a', 3).countDown(),
      (locks) => locks.latch('a', 3).countDown(),
      (locks) => locks.latch('a', 3).left(),
    );
    expect(after).toBe(2);
  });

  it('is not made later: a release by force', async () => {
    await using masters = new MemoryMasters(1);
    const [redis] = await masters.connect();
    const locks = createLocks({ redis: redis!, ...quiet });
    // So that the server knows the scripts.
    await locks.acquire('warm');
    await locks.forceRelease('warm');
    const lock = await locks.acquire('a', { ttlMs: 600_000 });
    const taking = rejectionOf(locks.forceRelease('a'));
    // The first script, which looks who holds it, is answered.
    await Promise.resolve();
    await masters.freeze(0);
    await masters.advance(3_000);
    await masters.thaw(0);
    await masters.advance(10);
    expect(isLockstepError(await taking, 'REDIS_UNAVAILABLE')).toBe(true);
    expect(await locks.inspect('a')).toMatchObject({ held: true, owner: lock.owner });
  });
});
