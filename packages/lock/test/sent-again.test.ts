import { createLocks, type Locks } from '@lockstep/lock';
import { memoryConnection } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { Claim } from '../src/claim.ts';
import { LockEngine } from '../src/engine.ts';
import { MultiClaim } from '../src/multi-claim.ts';
import { MutexClaim } from '../src/mutex-claim.ts';
import { resolveLocksOptions } from '../src/options.ts';
import { PermitClaim } from '../src/permit-claim.ts';
import { ReentrantClaim } from '../src/reentrant-claim.ts';
import { silent } from './behaviour/setup.ts';

const base = { name: 'a', id: 'c~e~1', ttlMs: 1_000, durable: false, metadata: '' };
const mutexOf = (metadata: string): Claim =>
  new MutexClaim(base.id, { ...base, metadata, touch: true, election: false });

const tryMutex = (locks: Locks): Promise<unknown> => locks.tryAcquire('a');

const claims: [string, () => Claim, (locks: Locks) => Promise<unknown>][] = [
  ['a mutex by the short script', () => mutexOf(''), tryMutex],
  ['a mutex by the whole script', () => mutexOf('told'), tryMutex],
  ['a re-entrant owner', () => new ReentrantClaim({ ...base, owner: 'us' }), tryMutex],
  ['several locks', () => new MultiClaim({ ...base, names: ['a', 'b'] }), tryMutex],
  [
    'a permit',
    () => new PermitClaim({ ...base, kind: 'semaphore', count: 1, permits: 1 }),
    (locks) => locks.semaphore('a', { permits: 1 }).tryAcquire(),
  ],
];

/**
 * Whoever did not hear of its grant sends the request again and counts from then. Had the lease still ended at the first
 * sending's deadline, the next holder would come while this one is sure of its own.
 */
describe('a granted request that is sent again', () => {
  it.each(claims)('lasts as long as from the second sending: %s', async (_, make, tryAgain) => {
    await using at = await memoryConnection({ logger: silent });
    const engine = new LockEngine(resolveLocksOptions({ redis: at.redis, logger: silent }));
    const others = createLocks({ redis: at.redis, logger: silent });
    const [place] = engine.places;
    const claim = make();
    const ask = { ttlMs: claim.ttlMs, least: 0, timeoutMs: undefined };
    const first = await claim.acquire(place!, ask);
    await at.clock.advance(800);
    expect(await claim.acquire(place!, ask)).toEqual(
      expect.objectContaining({ ...first, settled: expect.anything() }),
    );
    await at.clock.advance(900);
    expect(await tryAgain(others)).toBeNull();
    await at.clock.advance(100);
    expect(await tryAgain(others)).not.toBeNull();
  });

  it.each(claims)('is not shortened by it: %s', async (_, make, tryAgain) => {
    await using at = await memoryConnection({ logger: silent });
    const engine = new LockEngine(resolveLocksOptions({ redis: at.redis, logger: silent }));
    const others = createLocks({ redis: at.redis, logger: silent });
    const [place] = engine.places;
    const claim = make();
    const ask = { ttlMs: claim.ttlMs, least: 0, timeoutMs: undefined };
    await claim.acquire(place!, ask);
    const renewal = { claim, ttlMs: 5_000, shorten: false, fencingToken: 1, isHeld: () => true };
    expect(await engine.grantor.renew([renewal], 1_000, () => {})).toEqual(['renewed']);
    await claim.acquire(place!, ask);
    await at.clock.advance(4_900);
    expect(await tryAgain(others)).toBeNull();
    await at.clock.advance(100);
    expect(await tryAgain(others)).not.toBeNull();
  });
});
