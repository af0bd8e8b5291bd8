import { isLockstepError } from '@lockstep/core';
import {
  connect,
  createPool,
  scriptCall,
  type Redis,
  type RedisClient,
  type RedisOptions,
} from '@lockstep/redis';
import { keySlot } from '@lockstep/redis/internal';
import { eventually } from '@lockstep/testing';
import { Cluster as Cluster5 } from 'ioredis';
import { Cluster as Cluster6 } from 'ioredis-6';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startCluster, type ClusterTopology } from '../src/servers/cluster.ts';
import type { RedisNode } from '../src/servers/redis-node.ts';
import { countKeys, silent, slackMs, startLoad } from './redis-load.ts';
import { countOnce, increment } from './redis-scripts.ts';

const masters = 3;
const deadlineMs = 2_000;

describe.runIf(inject('redis').site !== null)('a connection to Cluster', () => {
  let cluster: ClusterTopology;
  const open = new Set<Redis>();

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  afterEach(async () => {
    await Promise.all([...open].map((redis) => redis.close()));
    open.clear();
  });

  const connected = async (options: RedisOptions = {}): Promise<Redis> => {
    const redis = await connect(cluster.url, {
      logger: silent,
      prefix: `t-${crypto.randomUUID()}:`,
      ...options,
    });
    open.add(redis);
    return redis;
  };
  const mastersOf = async (): Promise<RedisNode[]> => {
    const roles = await Promise.all(cluster.nodes.map((node) => node.info('role')));
    return cluster.nodes.filter((_, at) => roles[at] === 'master');
  };

  it('finds the slot of any key as the servers do', async () => {
    const keys = Array.from({ length: 200 }, (_, n) => {
      const text = Buffer.from(crypto.getRandomValues(new Uint8Array(n % 17))).toString('latin1');
      return [text, `{${text}}x`, `x{${text}`, `a{b}{${text}}`];
    }).flat();
    const slots = await Promise.all(keys.map((key) => cluster.slotOf(key)));
    expect(keys.map((key) => keySlot(key))).toEqual(slots);
  });

  it('runs 1,000 scripts that no node knows, one by one and in one write per node, without a failure', async () => {
    const redis = await connected();
    const counters = Array.from({ length: 1_000 }, (_, n) =>
      redis.keyspace('cold', String(n)).key('counter'),
    );
    const flush = async (): Promise<void> => {
      for (const node of await mastersOf()) await node.command('script', 'flush');
    };
    await flush();
    const alone = await Promise.allSettled(counters.map((counter) => redis.run(increment, { counter }, {})));
    await flush();
    const together = await redis.runAll(counters.map((counter) => scriptCall(increment, { counter }, {})));
    expect(alone.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(together.map((outcome) => outcome.status === 'fulfilled' && outcome.value)).toEqual(
      counters.map(() => 2),
    );
  });

  it('has one connection to each master and one that listens', async () => {
    const before = await connections(cluster);
    const redis = await connected();
    await redis.subscribe(`${redis.prefix}news`, () => {}).ready;
    await redis.runAll(
      Array.from({ length: 100 }, (_, n) =>
        scriptCall(increment, { counter: redis.keyspace('c', String(n)).key('n') }, {}),
      ),
    );
    await eventually(async () => {
      const now = await connections(cluster);
      expect(now.filter((connection) => !before.includes(connection))).toHaveLength(masters + 1);
    });
  });

  it('delivers a message whichever node it is published on', async () => {
    const redis = await connected();
    const channel = `${redis.prefix}news`;
    const heard = new Set<string>();
    await redis.subscribe(channel, (payload) => heard.add(payload)).ready;
    for (const node of cluster.nodes) await node.command('publish', channel, String(node.port));
    await eventually(() => expect(heard.size).toBe(cluster.nodes.length));
  });

  it('tells of a gap when its subscriber is cut off, and hears again', async () => {
    const redis = await connected();
    const channel = `${redis.prefix}news`;
    const heard: string[] = [];
    const gap = new Promise<void>((resolve) => void redis.on('gap', resolve));
    await redis.subscribe(channel, (payload) => heard.push(payload)).ready;
    for (const node of cluster.nodes) await node.command('client', 'kill', 'type', 'pubsub');
    await gap;
    await cluster.nodes[0]!.command('publish', channel, 'again');
    await eventually(() => expect(heard).toEqual(['again']));
  });

  it('loses nothing and does nothing by halves while a slot moves under running scripts', async () => {
    const redis = await connected();
    const keys = countKeys(redis, 'moving');
    await redis.run(countOnce, keys, { id: 'first' });
    const slot = await cluster.slotOf(keys.counter);
    const from = await cluster.ownerOf(slot);
    const to = (await mastersOf()).find((node) => node !== from)!;
    const load = startLoad(redis, keys);
    await pause(100);
    const migration = await cluster.migrateSlot(slot, to);
    // Between two steps the script's keys are on both nodes: TRYAGAIN, whichever is asked.
    while (await migration.moveOne()) await pause(150);
    await pause(150);
    await migration.finish();
    await pause(300);
    const outcomes = await load.stop();
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
    for (const { ms } of outcomes) expect(ms).toBeLessThan(deadlineMs + slackMs);
    const seen = new Set((await to.command('smembers', keys.seen)) as string[]);
    expect(outcomes.filter(({ id }) => !seen.has(id))).toEqual([]);
    expect(Number(await to.command('get', keys.counter))).toBe(seen.size);
    expect(load.longestGap().ms).toBeGreaterThan(100);
  });

  it('executes nothing twice that must not be repeated, while its connections are killed under it', async () => {
    const redis = await connected();
    const counter = redis.keyspace('killed', 'x').key('counter');
    let [acknowledged, unknown, killing] = [0, 0, true];
    const workers = Array.from({ length: 6 }, async () => {
      while (killing) {
        await redis.run(increment, { counter }, {}).then(
          () => (acknowledged += 1),
          (error: unknown) => {
            if (!isLockstepError(error, 'REDIS_UNAVAILABLE')) throw error;
            if (error.outcomeUnknown) unknown += 1;
          },
        );
      }
    });
    for (let round = 0; round < 15 || acknowledged <= 100; round++) {
      // A slow machine is left more time between the blows, or nothing would ever get through.
      await pause(round < 15 ? 30 : 200);
      for (const node of await mastersOf())
        await node.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    }
    killing = false;
    await Promise.all(workers);
    const counted = Number(await redis.client.get(counter));
    expect(counted).toBeGreaterThanOrEqual(acknowledged);
    expect(counted).toBeLessThanOrEqual(acknowledged + unknown);
  });

  it('gives a typed error within the deadline, unexecuted, while a slot stays half moved', async () => {
    const redis = await connected();
    const keys = countKeys(redis, 'stuck');
    for (const id of ['a', 'b']) await redis.run(countOnce, keys, { id });
    const slot = await cluster.slotOf(keys.counter);
    const from = await cluster.ownerOf(slot);
    const to = (await mastersOf()).find((node) => node !== from)!;
    const migration = await cluster.migrateSlot(slot, to);
    await migration.moveOne();
    const started = performance.now();
    const refused: unknown = await redis
      .run(countOnce, keys, { id: 'c' }, { timeoutMs: 600 })
      .catch((error: unknown) => error);
    expect(performance.now() - started).toBeLessThan(600 + slackMs);
    expect(refused).toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'try-again', outcomeUnknown: false });
    await migration.finish();
    expect(await redis.run(countOnce, keys, { id: 'd' })).toBe(3);
  });

  it('gives each borrower of a pool WATCH and MULTI of its own, and lends none that still watches', async () => {
    const redis = await connected();
    await using pool = createPool({ redis, max: 1 });
    const key = redis.keyspace('pool', 'watched').key('n');
    const first = await pool.acquire();
    await first.client.watch(key);
    await first.release();
    await redis.client.set(key, '1');
    const second = await pool.acquire();
    expect(second.client).toBe(first.client);
    expect(await second.client.multi().set(key, 2).exec()).toEqual([[null, 'OK']]);
    await second.client.watch(key);
    await redis.client.set(key, '3');
    expect(await second.client.multi().set(key, 4).exec()).toBeNull();
    await second.release();
  });

  describe.each([
    ['ioredis 5', Cluster5],
    ['ioredis 6', Cluster6 as unknown as typeof Cluster5],
  ])('handed in as a Cluster of %s', (_, Cluster) => {
    it('runs scripts, hears messages over a connection of ours, and is left open', async () => {
      const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
      const redisOptions = {
        autoResendUnfulfilledCommands: false,
        commandTimeout: 2_000,
        socketTimeout: 1_000,
      };
      const client = new Cluster(nodes, { retryDelayOnFailover: 0, redisOptions });
      const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
      const counters = Array.from({ length: 30 }, () => redis.keyspace('c', crypto.randomUUID()).key('n'));
      const calls = counters.map((counter) => scriptCall(increment, { counter }, {}));
      expect((await redis.runAll(calls)).every(({ status }) => status === 'fulfilled')).toBe(true);
      expect(await redis.run(increment, { counter: counters[0]! }, {})).toBe(2);
      const heard: string[] = [];
      await redis.subscribe('handed-in', (payload) => heard.push(payload)).ready;
      await cluster.nodes[0]!.command('publish', 'handed-in', 'x');
      await eventually(() => expect(heard).toEqual(['x']));
      await redis.close();
      expect(await client.ping()).toBe('PONG');
      client.disconnect();
    });
  });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Connections of clients, without those of the servers, of the harness, and of ioredis while it reads the map. */
async function connections({ nodes }: ClusterTopology): Promise<string[]> {
  const lists = await Promise.all(nodes.map((node) => node.command('client', 'list') as Promise<string>));
  const lines = lists.flatMap((list, at) =>
    list
      .trim()
      .split('\n')
      .map((line) => `node ${at} ${line}`),
  );
  return lines
    .filter((line) => /flags=[NP] /.test(line) && !/cmd=(client\|list|cluster\|slots)/.test(line))
    .map((line) => /^node \d+ id=\d+/.exec(line)![0]);
}
