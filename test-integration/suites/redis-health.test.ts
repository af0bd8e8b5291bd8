import { connect, type Redis, type RedisOptions } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { afterEach, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startCluster } from '../src/servers/cluster.ts';
import { startReplicated } from '../src/servers/replica.ts';
import { startSentinel } from '../src/servers/sentinel.ts';
import { startStandalone } from '../src/servers/standalone.ts';
import { silent } from './redis-load.ts';
import { increment } from './redis-scripts.ts';

describe.runIf(inject('redis').site !== null)('health and guarantee', () => {
  const open = new Set<Redis>();
  afterEach(async () => {
    await Promise.all([...open].map((redis) => redis.close()));
    open.clear();
  });

  const connected = async (url: string, options: RedisOptions = {}): Promise<Redis> => {
    const redis = await connect(url, { logger: silent, ...options });
    open.add(redis);
    return redis;
  };
  const codes = async (redis: Redis): Promise<string[]> =>
    (await redis.health()).details.warnings.map(({ code }) => code).toSorted();

  it('are without a complaint on a Redis that is set up well', async () => {
    await using server = await startStandalone({ appendonly: 'always' });
    const redis = await connected(server.url);
    await redis.run(increment, { counter: 'x' }, {});
    const { status, checks, details } = await redis.health();
    expect(status).toBe('up');
    expect(checks.filter((check) => check.status !== 'up' || check.remedy !== '')).toEqual([]);
    expect(details).toMatchObject({ topology: 'single', kind: 'redis', version: redis.capabilities.version });
    expect(details.servers).toMatchObject([
      {
        address: `127.0.0.1:${server.port}`,
        role: 'master',
        evictionPolicy: 'noeviction',
        persistence: { aof: 'always', snapshots: false, healthy: true },
        replicas: [],
      },
    ]);
    expect(details.latencyMs.samples).toBe(1);
    expect(details.latencyMs.p99).toBeGreaterThan(0);
    expect(details.guarantee).toMatchObject({
      redisCrash: 'yes',
      powerLoss: 'yes',
      failover: 'not-applicable',
      exclusive: 'yes',
    });
  });

  it('tell of each setting that is weaker than it could be, and of each one that is put right', async () => {
    await using server = await startStandalone({ appendonly: 'off' });
    const redis = await connected(server.url);
    expect(await codes(redis)).toEqual(['NO_AOF']);
    expect(redis.guarantee).toMatchObject({ redisCrash: 'no', exclusive: 'until-restart' });
    await server.command('config', 'set', 'appendonly', 'yes');
    await server.command('config', 'set', 'appendfsync', 'everysec');
    expect(await codes(redis)).toEqual([]);
    expect(redis.guarantee).toMatchObject({ redisCrash: 'yes', powerLoss: 'bounded' });
    await server.command('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    expect(await codes(redis)).toEqual(['EVICTION_POLICY']);
    await server.command('config', 'set', 'maxmemory-policy', 'noeviction');
    const used = Number(await server.info('used_memory'));
    await server.command('config', 'set', 'maxmemory', Math.round(used * 1.05));
    expect(await codes(redis)).toEqual(['MEMORY_NEAR_LIMIT']);
    const { status, checks } = await redis.health();
    expect(status).toBe('degraded');
    expect(checks.find(({ name }) => name === 'memory')).toMatchObject({
      status: 'degraded',
      thresholds: { share: 0.9 },
      remedy: expect.stringContaining('maxmemory'),
    });
  });

  it('keep the time since when a check has been in its status', async () => {
    await using server = await startStandalone({ appendonly: 'always' });
    const redis = await connected(server.url);
    const since = async () => (await redis.health()).checks.find(({ name }) => name === 'eviction')!.since;
    const first = await since();
    await pause(20);
    expect(await since()).toBe(first);
    await server.command('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    expect(await since()).toBeGreaterThan(first);
  });

  it('read the guarantee again when the connection comes back', async () => {
    await using server = await startStandalone({ appendonly: 'always' });
    const redis = await connected(server.url);
    await eventually(() => expect(redis.guarantee.powerLoss).toBe('yes'));
    await server.command('config', 'set', 'appendfsync', 'no');
    await server.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    await eventually(() => expect(redis.guarantee.powerLoss).toBe('no'));
  });

  it('never fail, and say what is not allowed, under an ACL that forbids the questions', async () => {
    const acl = ['user app on >secret ~* &* +@all -info -config'];
    await using server = await startStandalone({ appendonly: 'always', acl });
    const redis = await connected(`redis://app:secret@127.0.0.1:${server.port}`);
    const { status, details } = await redis.health();
    expect(status).toBe('up');
    expect(details.warnings).toMatchObject([
      { code: 'PROBE_REFUSED', remedy: expect.stringContaining('+info') },
    ]);
    expect(details.guarantee).toMatchObject({
      redisCrash: 'unknown',
      powerLoss: 'unknown',
      exclusive: 'unknown',
    });
    expect(redis.capabilities).toMatchObject({ version: '0.0.0', allowOom: false });
    expect(await redis.run(increment, { counter: 'x' }, {})).toBe(1);
  });

  it('are down, in time, on a server that is killed or frozen', async () => {
    await using server = await startStandalone();
    const redis = await connected(server.url);
    await server.stop();
    const started = performance.now();
    expect((await redis.health()).status).toBe('down');
    expect(performance.now() - started).toBeLessThan(2_750);
    await server.cont();
    await server.kill9();
    await eventually(async () => {
      const { checks } = await redis.health();
      expect(checks[0]).toMatchObject({ name: 'commands', status: 'down' });
      expect(checks[0]!.remedy).toContain(`check that Redis runs at redis://127.0.0.1:${server.port}`);
    });
  });

  it('see a replica that falls behind, one that is gone, and a connection to a replica', async () => {
    await using group = await startReplicated({ appendonly: 'always' });
    const redis = await connected(group.url, { durability: { replicas: 1 } });
    const [replica] = group.replicas;
    await eventually(async () => expect(await codes(redis)).toEqual(['MIN_REPLICAS']));
    await replica!.stop();
    for (let n = 0; n < 20; n++) await group.master.command('set', 'ballast', 'x'.repeat(1_000_000));
    expect(await codes(redis)).toContain('REPLICA_LAG');
    const { details } = await redis.health();
    expect(details.servers[0]!.replicas[0]!.lagBytes).toBeGreaterThan(16 * 1_024 * 1_024);
    await replica!.kill9();
    await eventually(async () => expect(await codes(redis)).toContain('REPLICAS_MISSING'));
    await replica!.start();
    const wrong = await connected(replica!.url);
    expect(await codes(wrong)).toContain('NOT_A_MASTER');
  });

  it('know Sentinel and Cluster, master by master', async () => {
    await using sentinel = await startSentinel({ appendonly: 'everysec' });
    const onSentinel = await connected(sentinel.url);
    const { details } = await onSentinel.health();
    expect(details.servers[0]).toMatchObject({
      role: 'master',
      replicas: [{ state: 'online' }, { state: 'online' }],
    });
    expect(details.servers[0]!.address).toBe(`127.0.0.1:${(await sentinel.master()).port}`);
    expect(details.guarantee).toMatchObject({ failover: 'no', exclusive: 'until-failover' });

    await using cluster = await startCluster({ appendonly: 'everysec', config: ['min-replicas-to-write 1'] });
    const onCluster = await connected(cluster.url, { durability: { replicas: 1 } });
    const { status, details: known } = await onCluster.health();
    expect(status).toBe('up');
    expect(known.servers.map(({ role, replicas }) => [role, replicas.length])).toEqual([
      ['master', 1],
      ['master', 1],
      ['master', 1],
    ]);
    expect(known.guarantee).toMatchObject({
      failover: 'bounded',
      basis: { replicas: 1, minReplicasToWrite: 1, confirmedBy: 1 },
    });
    await cluster.nodes[0]!.stop();
    const silentMaster = await onCluster.health();
    await cluster.nodes[0]!.cont();
    expect(silentMaster.status).toBe('degraded');
    expect(silentMaster.details.warnings.map(({ code }) => code)).toEqual(['SERVER_SILENT']);
  });

  it('read the guarantee again after a failover', async () => {
    await using sentinel = await startSentinel({ appendonly: 'always' });
    const redis = await connected(sentinel.url);
    await eventually(() => expect(redis.guarantee.basis.replicas).toBe(2));
    const old = await sentinel.master();
    await old.kill9();
    await sentinel.failedOverFrom(old);
    await eventually(() => expect(redis.guarantee.basis.replicas).toBe(1), { timeoutMs: 10_000 });
  });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
