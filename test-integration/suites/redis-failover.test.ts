import { connect, type Redis, type RedisClient, type RedisEvent } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { Redis as IORedis } from 'ioredis';
import { describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startCluster } from '../src/servers/cluster.ts';
import type { RedisNode } from '../src/servers/redis-node.ts';
import { startSentinel } from '../src/servers/sentinel.ts';
import { countKeys, silent, slackMs, startLoad, type CountKeys } from './redis-load.ts';
import { countOnce } from './redis-scripts.ts';

/** Calls succeed again this soon after a new master accepts writes. */
const backWithinMs = 2_500;
const deadlineMs = 2_000;

/** A topology that promotes a replica, as both of them look to a test. */
interface Promoting extends AsyncDisposable {
  readonly url: string;
  masterOf(key: string): Promise<RedisNode>;
  /** Waits until another node than this one is the key's master and accepts writes. */
  promotedInsteadOf(old: RedisNode, key: string): Promise<RedisNode>;
  /** No other failover follows. */
  keepMaster(): Promise<void>;
}

const topologies: Readonly<Record<string, () => Promise<Promoting>>> = {
  async sentinel() {
    const group = await startSentinel();
    return {
      url: group.url,
      masterOf: () => group.master(),
      promotedInsteadOf: (old) => group.failedOverFrom(old),
      keepMaster: () => group.keepMaster(),
      [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
    };
  },
  async cluster() {
    const group = await startCluster();
    return {
      url: group.url,
      masterOf: async (key) => group.ownerOf(await group.slotOf(key)),
      promotedInsteadOf: async (old, key) => group.failedOverFrom(old, await group.slotOf(key)),
      keepMaster: () => group.keepMasters(),
      [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
    };
  },
};

const faults = {
  killed: { strike: (node: RedisNode) => node.kill9(), return: (node: RedisNode) => node.start() },
  frozen: { strike: (node: RedisNode) => node.stop(), return: (node: RedisNode) => node.cont() },
};

const cases = Object.keys(topologies).flatMap((topology) =>
  (['killed', 'frozen'] as const).map((fault) => [topology, fault] as const),
);

describe.runIf(inject('redis').site !== null)('a failover', () => {
  it.each(cases)(
    'of %s whose master is %s: calls are back in time, and the old master counts for nothing',
    async (topology, fault) => {
      await using group = await topologies[topology]!();
      await using redis = await connect(group.url, { logger: silent });
      const events: RedisEvent[] = [];
      for (const event of ['up', 'down', 'gap', 'failover'] as const)
        redis.on(event, () => events.push(event));
      const keys = countKeys(redis, 'x');
      await redis.run(countOnce, keys, { id: 'first' });
      const old = await group.masterOf(keys.counter);
      const load = startLoad(redis, keys);
      await pause(300);
      await faults[fault].strike(old);
      const master = await group.promotedInsteadOf(old, keys.counter);
      const promotedAt = performance.now();
      await group.keepMaster();
      await eventually(() => redis.run(countOnce, keys, { id: crypto.randomUUID() }), { timeoutMs: 10_000 });
      const backAfterMs = performance.now() - promotedAt;
      console.log(`${topology}, master ${fault}: back ${Math.round(backAfterMs)} ms after the promotion`);
      expect(backAfterMs).toBeLessThan(backWithinMs);

      // The old master comes back and believes in itself for a while.
      const returnedAt = performance.now();
      await faults[fault].return(old);
      await pause(1_500);
      const outcomes = await load.stop();
      for (const { ms } of outcomes) expect(ms).toBeLessThan(deadlineMs + slackMs);
      const sinceReturn = outcomes.filter(({ ok, at }) => ok && at > returnedAt);
      expect(sinceReturn.length).toBeGreaterThan(10);
      const seen = await seenAt(master, keys);
      expect(sinceReturn.filter(({ id }) => !seen.has(id))).toEqual([]);
      expect(Number(await master.command('get', keys.counter))).toBe(seen.size);
      expect(events).toContain('failover');
    },
  );

  it('is told once by `failover`', async () => {
    await using group = await startSentinel();
    await using redis = await connect(group.url, { logger: silent });
    let failovers = 0;
    redis.on('failover', () => failovers++);
    await group.failOver();
    await eventually(() => expect(failovers).toBe(1));
    await pause(300);
    expect(failovers).toBe(1);
  });

  it('is followed by a client with sentinels that is handed in', async () => {
    await using group = await startSentinel();
    const client = new IORedis({
      sentinels: group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: 'mymaster',
      failoverDetector: true,
      autoResendUnfulfilledCommands: false,
      commandTimeout: 2_000,
      socketTimeout: 1_000,
    });
    client.on('error', () => {});
    const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent });
    expect(redis.topology).toBe('sentinel');
    const keys = countKeys(redis, 'x');
    await redis.run(countOnce, keys, { id: 'before' });
    const heard: string[] = [];
    await redis.subscribe('news', (payload) => heard.push(payload)).ready;
    const master = await group.failOver();
    // The old master acknowledges until it is demoted.
    await eventually(async () => {
      await redis.run(countOnce, keys, { id: 'after' });
      expect(await seenAt(master, keys)).toContain('after');
    });
    await eventually(async () => {
      await master.command('publish', 'news', 'x');
      expect(heard).toContain('x');
    });
    await redis.close();
    client.disconnect();
  });

  it('of a Cluster moves the subscriber away from a node that is frozen, and tells of the gap', async () => {
    await using group = await startCluster();
    await using redis = await connect(group.url, { logger: silent, heartbeatMs: 200 });
    const heard: string[] = [];
    let gaps = 0;
    redis.on('gap', () => gaps++);
    await redis.subscribe('news', (payload) => heard.push(payload)).ready;
    const listening = await nodeOfSubscriber(group.nodes);
    await listening.stop();
    await eventually(() => expect(gaps).toBe(1), { timeoutMs: 4_000 });
    const other = group.nodes.find((node) => node !== listening)!;
    await eventually(async () => {
      await other.command('publish', 'news', 'x');
      expect(heard).toContain('x');
    });
    await listening.cont();
  });

  it('leaves a Cluster node that was taken out of the cluster while it still answers', async () => {
    await using group = await startCluster();
    await using redis = await connect(group.url, { logger: silent, heartbeatMs: 200 });
    const heard: string[] = [];
    await redis.subscribe('news', (payload) => heard.push(payload)).ready;
    const outcast = await nodeOfSubscriber(group.nodes);
    const keys = await keysOn(redis, group, outcast);
    await redis.run(countOnce, keys, { id: 'before' });
    await takeOut(group, outcast, keys.counter);
    await eventually(() => redis.run(countOnce, keys, { id: 'after' }), { timeoutMs: 10_000 });
    const other = group.nodes.find((node) => node !== outcast)!;
    await eventually(async () => {
      await other.command('publish', 'news', 'x');
      expect(heard).toContain('x');
    });
  });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function seenAt(master: RedisNode, { seen }: CountKeys): Promise<Set<string>> {
  return new Set((await master.command('smembers', seen)) as string[]);
}

async function nodeOfSubscriber(nodes: readonly RedisNode[]): Promise<RedisNode> {
  for (const node of nodes) {
    const list = (await node.command('client', 'list', 'type', 'pubsub')) as string;
    if (list.trim() !== '') return node;
  }
  throw new Error('no node has a subscriber');
}

type Cluster = Awaited<ReturnType<typeof startCluster>>;

async function keysOn(redis: Redis, group: Cluster, node: RedisNode): Promise<CountKeys> {
  for (let n = 0; ; n++) {
    const keys = countKeys(redis, `on-${n}`);
    if ((await group.ownerOf(await group.slotOf(keys.counter))) === node) return keys;
  }
}

/** Its replica takes over, then everybody forgets it, and it everybody. Its connections stay up. */
async function takeOut(group: Cluster, outcast: RedisNode, key: string): Promise<void> {
  const replica = group.nodes[group.nodes.indexOf(outcast) + 3]!;
  await replica.command('cluster', 'failover', 'takeover');
  await group.failedOverFrom(outcast, await group.slotOf(key));
  await eventually(async () => expect(await outcast.info('role')).toBe('slave'));
  const id = group.ids.get(outcast)!;
  for (const node of group.nodes) if (node !== outcast) await node.command('cluster', 'forget', id);
  await outcast.command('cluster', 'reset', 'hard');
}
