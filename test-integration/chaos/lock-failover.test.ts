import { isLockstepError, sleep, systemClock } from '@lockstep/core';
import { createLocks } from '@lockstep/lock';
import { connect } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startCluster } from '../src/servers/cluster.ts';
import { startSentinel } from '../src/servers/sentinel.ts';

const quiet = { logger: silentLogger, onError: (): void => {} };
const timeout = 120_000;

describe('locks over a failover that loses the lock', () => {
  it('on Sentinel the next holder has a larger token and the first one is told', { timeout }, async () => {
    await using topology = await startSentinel();
    const redis = await connect(topology.url, quiet);
    const theirRedis = await connect(topology.url, quiet);
    const ours = createLocks({ redis, ...quiet });
    const theirs = createLocks({ redis: theirRedis, ...quiet });
    const master = await topology.master();
    const lock = await ours.acquire('a', { ttlMs: 60_000 });
    await master.kill9();
    const promoted = await topology.failedOverFrom(master);
    // Replication is asynchronous, but fast here: the tail that a failover may lose is cut by hand.
    await promoted.command('del', 'lockstep:lock:a');
    const next = await theirs.acquire('a', { waitMs: 30_000 });
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    // At once where our connection comes back after the cut, else with the next renewal, a third of 60 s later.
    await eventually(() => expect(lock.signal.aborted).toBe(true), { timeoutMs: 30_000 });
    expect(isLockstepError(lock.signal.reason, 'LEASE_LOST') && lock.signal.reason.reason).toBe('refused');
    expect(next.isValid()).toBe(true);
    await next.release();
    await Promise.all([redis.close(), theirRedis.close()]);
  });

  it('on Cluster likewise, and locks of other slots stay', { timeout }, async () => {
    await using topology = await startCluster();
    const redis = await connect(topology.url, quiet);
    const theirRedis = await connect(topology.url, quiet);
    const ours = createLocks({ redis, ...quiet });
    const theirs = createLocks({ redis: theirRedis, ...quiet });
    const slot = await topology.slotOf('lockstep:lock:a');
    const master = await topology.ownerOf(slot);
    const elsewhere: string[] = [];
    for (let n = 0; elsewhere.length < 5; n += 1) {
      const owner = await topology.ownerOf(await topology.slotOf(`lockstep:lock:b${n}`));
      if (owner !== master) elsewhere.push(`b${n}`);
    }
    const lock = await ours.acquire('a', { ttlMs: 60_000 });
    const others = await Promise.all(elsewhere.map((name) => ours.acquire(name, { ttlMs: 60_000 })));
    await master.kill9();
    const promoted = await topology.failedOverFrom(master, slot);
    await promoted.command('del', 'lockstep:lock:a');
    const next = await theirs.acquire('a', { waitMs: 30_000 });
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await eventually(() => expect(lock.signal.aborted).toBe(true), { timeoutMs: 30_000 });
    expect(others.filter((other) => !other.isValid())).toEqual([]);
    await next.release();
    await Promise.all([redis.close(), theirRedis.close()]);
  });

  it('on Cluster with a cold script cache no release fails', { timeout }, async () => {
    await using topology = await startCluster();
    const redis = await connect(topology.url, quiet);
    const locks = createLocks({ redis, ...quiet });
    const names = Array.from({ length: 1_000 }, (_, n) => `cold-${n}`);
    const held = await Promise.all(names.map((name) => locks.acquire(name, { ttlMs: 60_000 })));
    await Promise.all(topology.nodes.map((node) => node.command('script', 'flush')));
    const outcomes = await Promise.all(held.map((lock) => lock.release()));
    expect(outcomes.filter((outcome) => outcome !== 'released')).toEqual([]);
    await sleep(systemClock, 10);
    await redis.close();
  });
});
