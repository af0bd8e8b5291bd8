import { connect, createPool, createPools } from '@lockstep/redis';
import { memoryFaults } from '@lockstep/redis/memory';
import { eventually } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';

describe('a pool on memory', () => {
  it('gives each borrower WATCH and MULTI of its own', async () => {
    const redis = await connect('memory://pool-watch');
    const pool = createPool({ redis });
    await using mine = await pool.acquire();
    await using theirs = await pool.acquire();
    await mine.client.set('n', '1');
    await mine.client.watch('n');
    await theirs.client.set('n', '2');
    expect(await mine.client.multi().set('n', 3).exec()).toBeNull();
    expect(await redis.client.get('n')).toBe('2');
    await redis.close({ drainMs: 0 });
  });

  it('is closed with its connection, after everything else', async () => {
    const redis = await connect('memory://pool-close');
    const pool = createPool({ redis, name: 'tx' });
    const lease = await pool.acquire();
    redis.register({
      name: 'worker',
      phase: 'intake',
      close: async () => {
        await lease.release();
        return { name: 'worker', finished: 1, returned: 0, aborted: 0, errors: [] };
      },
    });
    const { parts } = await redis.close();
    expect(parts.map(({ name, aborted }) => [name, aborted])).toEqual([
      ['worker', 0],
      ['pool tx', 0],
    ]);
    await expect(pool.acquire()).rejects.toThrow('pool tx is closed');
  });

  it('closes the connection that it made for its target', async () => {
    await using pool = createPool({ target: 'memory://pool-target' });
    const lease = await pool.acquire();
    expect(await lease.client.ping()).toBe('PONG');
    await lease.release();
    expect(await pool.close()).toMatchObject({ name: 'pool default', aborted: 0 });
  });

  it('tells of a server that is away', async () => {
    const redis = await connect('memory://pool-away');
    const pool = createPool({ redis, acquireTimeoutMs: 50 });
    memoryFaults(redis).disconnect();
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    memoryFaults(redis).reconnect();
    // It connects again after a pause of its own, which may be longer than a borrower waits here.
    await eventually(async () => (await pool.acquire()).release());
    await redis.close();
  });

  it('keeps several by name apart', async () => {
    const redis = await connect('memory://pools');
    await using pools = createPools({
      redis,
      pools: { blocking: { max: 1, maxBlockMs: 5_000 }, tx: { max: 3 } },
    });
    const lease = await pools.get('blocking').acquire({ purpose: 'reader' });
    await (await pools.get('tx').acquire()).release();
    expect(await pools.stats()).toMatchObject({
      blocking: { borrowed: 1, idle: 0 },
      tx: { borrowed: 0, idle: 1 },
    });
    await lease.release();
    expect((await pools.close()).map(({ name }) => name)).toEqual(['pool blocking', 'pool tx']);
    await redis.close();
  });
});
