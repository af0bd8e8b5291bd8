import { connect, type Redis, type RedisOptions } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startCluster, type ClusterTopology } from '../src/servers/cluster.ts';
import type { RedisNode } from '../src/servers/redis-node.ts';
import { startReplicated, type ReplicatedServer } from '../src/servers/replica.ts';
import { silent } from './redis-load.ts';
import { countOnce, increment } from './redis-scripts.ts';

const timeoutMs = 300;

describe.runIf(inject('redis').site !== null)('writes that replicas confirm', () => {
  let group: ReplicatedServer;
  const open = new Set<Redis>();

  beforeAll(async () => {
    group = await startReplicated({ replicas: 2 });
    // A replica whose link is up counts for WAIT only after its first acknowledgement, up to a second later.
    await eventually(async () => {
      await group.master.command('set', 'ready', 'yes');
      expect(await group.master.command('wait', 2, 100)).toBe(2);
    });
  });
  afterAll(() => group[Symbol.asyncDispose]());
  afterEach(async () => {
    await Promise.all([...open].map((redis) => redis.close()));
    open.clear();
  });

  const connected = async (replicas: number, options: RedisOptions = {}, url = group.url): Promise<Redis> => {
    const durability = { replicas, timeoutMs };
    const prefix = `t-${crypto.randomUUID()}:`;
    const redis = await connect(url, { logger: silent, prefix, durability, ...options });
    open.add(redis);
    return redis;
  };
  const counterOf = (redis: Redis, name = 'x'): string => redis.keyspace('durable', name).key('counter');

  it('say how many replicas have the write', async () => {
    const redis = await connected(2);
    const { reply, replicated } = await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    expect([reply, replicated]).toEqual([1, 2]);
    for (const replica of group.replicas) {
      expect(await replica.command('get', counterOf(redis))).toBe('1');
    }
  });

  it('wait for a frozen replica as long as timeoutMs says, and then tell', async () => {
    const redis = await connected(2);
    await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    await group.replicas[0]!.stop();
    const started = performance.now();
    const { reply, replicated } = await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    const took = performance.now() - started;
    await group.replicas[0]!.cont();
    expect([reply, replicated]).toEqual([2, 1]);
    expect(took).toBeGreaterThanOrEqual(timeoutMs - 1);
    expect(took).toBeLessThan(timeoutMs + 750);
  });

  it('share a WAIT with those made at the same time', async () => {
    const redis = await connected(1);
    await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    const waits = await callsOf(group.master, 'wait');
    const writes = Array.from({ length: 500 }, () =>
      redis.runDurably(increment, { counter: counterOf(redis) }, {}),
    );
    const outcomes = await Promise.all(writes);
    expect(new Set(outcomes.map(({ reply }) => reply)).size).toBe(500);
    expect(outcomes.every(({ replicated }) => replicated! >= 1)).toBe(true);
    expect((await callsOf(group.master, 'wait')) - waits).toBeLessThanOrEqual(6);
  });

  it('cost one connection more', async () => {
    const before = new Set(await connections(group.master));
    const redis = await connected(1);
    await redis.subscribe(`${redis.prefix}news`, () => {}).ready;
    const added = async () => (await connections(group.master)).filter((id) => !before.has(id)).length;
    expect(await added()).toBe(2);
    await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    expect(await added()).toBe(3);
    await redis.close();
    await eventually(async () => expect(await added()).toBe(0));
  });

  it('survive SCRIPT FLUSH, and CLIENT KILL where they may be repeated', async () => {
    const redis = await connected(1);
    const space = redis.keyspace('durable', 'x');
    const keys = { counter: space.key('counter'), seen: space.key('seen'), runs: space.key('runs') };
    for (let round = 0; round < 10; round++) {
      const writes = Array.from({ length: 20 }, (_, n) =>
        redis.runDurably(countOnce, keys, { id: `${round}-${n}` }),
      );
      await group.master.command('script', 'flush');
      await group.master.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
      for (const { replicated } of await Promise.all(writes)) expect(replicated).toBeGreaterThanOrEqual(1);
    }
    expect(await group.master.command('get', keys.counter)).toBe('200');
  });

  it('are refused, unexecuted, by a master that misses its replicas, where min-replicas-to-write says so', async () => {
    await using alone = await startReplicated({
      config: ['min-replicas-to-write 1', 'min-replicas-max-lag 1'],
    });
    const redis = await connected(1, {}, alone.url);
    await eventually(async () => expect(await alone.master.info('min_slaves_good_slaves')).toBe('1'));
    await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    await alone.replicas[0]!.kill9();
    await eventually(async () => expect(await alone.master.info('min_slaves_good_slaves')).toBe('0'));
    const refused: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      await redis
        .runDurably(increment, { counter: counterOf(redis) }, {}, { timeoutMs: 200 })
        .catch((error: unknown) => refused.push(error));
    }
    expect(refused).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'REDIS_UNAVAILABLE' })));
    // Of each, unless the deadline cut the last of its tries off.
    expect(refused).toContainEqual(expect.objectContaining({ outcomeUnknown: false }));
    expect(await alone.master.command('get', counterOf(redis))).toBe('1');
  });

  it('are ordinary writes where no durability was asked for, and say so', async () => {
    const redis = await connected(1, { durability: undefined });
    expect(await redis.runDurably(increment, { counter: counterOf(redis) }, {})).toEqual({
      reply: 1,
      replicated: undefined,
    });
  });

  it('are not sent after their caller gave up, while those before them wait for a replica', async () => {
    const redis = await connected(2);
    await redis.runDurably(increment, { counter: counterOf(redis) }, {});
    await group.replicas[0]!.stop();
    const first = redis.runDurably(increment, { counter: counterOf(redis) }, {});
    const late: unknown = await redis
      .runDurably(increment, { counter: counterOf(redis) }, {}, { timeoutMs: 100 })
      .catch((error: unknown) => error);
    expect(late).toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: false });
    await first;
    await group.replicas[0]!.cont();
    expect((await redis.runDurably(increment, { counter: counterOf(redis) }, {})).reply).toBe(3);
  });

  describe('on Cluster', () => {
    let cluster: ClusterTopology;
    beforeAll(async () => {
      cluster = await startCluster();
    });
    afterAll(() => cluster[Symbol.asyncDispose]());

    it('are confirmed by the replica of their own master', async () => {
      const redis = await connected(1, {}, cluster.url);
      const counters = Array.from({ length: 100 }, (_, n) => counterOf(redis, String(n)));
      const outcomes = await Promise.all(
        counters.map((counter) => redis.runDurably(increment, { counter }, {})),
      );
      expect(outcomes.every(({ reply, replicated }) => reply === 1 && replicated === 1)).toBe(true);
      const waits = await Promise.all(cluster.nodes.slice(0, 3).map((node) => callsOf(node, 'wait')));
      for (const count of waits) expect(count).toBeGreaterThan(0);
    });

    it('go on while their slot moves: confirmed by nobody as long as only the ordinary way leads there', async () => {
      const redis = await connected(1, {}, cluster.url);
      const counter = counterOf(redis);
      await redis.runDurably(increment, { counter }, {});
      const slot = await cluster.slotOf(counter);
      const from = await cluster.ownerOf(slot);
      const to = cluster.nodes.slice(0, 3).find((node) => node !== from)!;
      const migration = await cluster.migrateSlot(slot, to);
      await migration.moveOne();
      expect(await redis.runDurably(increment, { counter }, {})).toEqual({ reply: 2, replicated: 0 });
      await migration.finish();
      await eventually(async () => {
        const { replicated } = await redis.runDurably(increment, { counter }, {});
        expect(replicated).toBe(1);
      });
    });
  });
});

async function callsOf(node: RedisNode, command: string): Promise<number> {
  const text = (await node.command('info', 'commandstats')) as string;
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

async function connections(node: RedisNode): Promise<string[]> {
  const list = (await node.command('client', 'list')) as string;
  return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!);
}
