import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, inject, it } from 'vitest';
import { startCluster } from '../src/servers/cluster.ts';
import { startMasters } from '../src/servers/masters.ts';
import { startReplicated } from '../src/servers/replica.ts';
import { startSentinel } from '../src/servers/sentinel.ts';
import { startStandalone } from '../src/servers/standalone.ts';

const { site: available } = inject('redis');
const site = available ?? undefined;

describe.runIf(site !== undefined)('a standalone server', () => {
  it('keeps acknowledged writes over a kill with appendonly always, and loses them without a file', async () => {
    for (const [appendonly, kept] of [
      ['always', 'value'],
      ['off', null],
    ] as const) {
      await using server = await startStandalone({ site, appendonly });
      await server.command('set', 'key', 'value');
      await server.kill9();
      expect(server.running).toBe(false);
      await expect(server.command('get', 'key')).rejects.toThrow();
      await server.restart();
      expect(await server.command('get', 'key')).toBe(kept);
    }
  });

  it('restarts a running server on the same port', async () => {
    await using server = await startStandalone({ site, appendonly: 'everysec' });
    const before = await server.info('run_id');
    await server.command('set', 'key', 'value');
    await server.restart();
    expect(await server.info('run_id')).not.toBe(before);
    expect(await server.command('get', 'key')).toBe('value');
  });

  it('accepts connections and answers nothing while it is stopped', async () => {
    await using server = await startStandalone({ site });
    await server.stop();
    let answered = false;
    const late = server.command('incr', 'key').finally(() => (answered = true));
    await pause(100);
    expect(answered).toBe(false);
    await server.cont();
    expect(await late).toBe(1);
  });

  it('applies its password, ACL and memory limit', async () => {
    await using server = await startStandalone({
      site,
      requirepass: 'secret',
      acl: ['user reader on >pw ~app:* +get'],
      maxmemory: '3mb',
    });
    expect(server.url).toBe(`redis://:secret@127.0.0.1:${server.port}`);
    expect(await server.command('config', 'get', 'maxmemory')).toEqual([
      'maxmemory',
      String(3 * 1024 * 1024),
    ]);
    const reader = new Redis(`redis://reader:pw@127.0.0.1:${server.port}`, {
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    expect(await reader.get('app:x')).toBeNull();
    await expect(reader.get('other')).rejects.toThrow('NOPERM');
    await expect(reader.set('app:x', '1')).rejects.toThrow('NOPERM');
    reader.disconnect();
  });
});

describe.runIf(site !== undefined)('independent masters', () => {
  it('share nothing', async () => {
    await using masters = await startMasters({ site });
    expect(masters.urls).toHaveLength(5);
    await masters.nodes[0]!.command('set', 'key', 'value');
    const seen = await Promise.all(masters.nodes.map((node) => node.command('get', 'key')));
    expect(seen).toEqual(['value', null, null, null, null]);
  });
});

describe.runIf(site !== undefined)('a replicated server', () => {
  it('copies writes to its replica, which WAIT confirms', async () => {
    await using server = await startReplicated({ site });
    await server.master.command('set', 'key', 'value');
    expect(await server.master.command('wait', 1, 2_000)).toBe(1);
    expect(await server.replicas[0]!.command('get', 'key')).toBe('value');
    await expect(server.replicas[0]!.command('set', 'key', 'other')).rejects.toThrow('READONLY');
  });
});

describe.runIf(site !== undefined)('a Sentinel topology', () => {
  it('fails over when its master is killed, stays so when it comes back, and fails over on request', async () => {
    await using topology = await startSentinel({ site });
    const first = await topology.master();
    await first.command('set', 'key', 'value');
    await first.command('wait', 2, 2_000);
    await first.kill9();
    const second = await topology.failedOverFrom(first);
    expect(await second.command('get', 'key')).toBe('value');
    await first.start();
    expect(await topology.master()).toBe(second);
    const third = await topology.failOver();
    expect(third).not.toBe(second);
    expect(await third.command('get', 'key')).toBe('value');
  });
});

describe.runIf(site !== undefined)('a Cluster topology', () => {
  it('moves a slot key by key while a client goes on using it, and survives the kill of its new owner', async () => {
    await using topology = await startCluster({ site });
    const client = new Cluster(
      topology.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      { redisOptions: { disableClientInfo: true } },
    );
    const keys = ['{tag}1', '{tag}2', '{tag}3'];
    for (const key of keys) await client.set(key, key);
    const slot = await topology.slotOf('{tag}');
    const from = await topology.ownerOf(slot);
    const to = topology.nodes.slice(0, 3).find((node) => node !== from)!;

    const migration = await topology.migrateSlot(slot, to);
    expect(await migration.moveOne()).toBe(true);
    // Keys of one slot on two nodes: one key is found by ASK, several at once are refused until the move is over.
    for (const key of keys) expect(await client.get(key)).toBe(key);
    await expect(from.command('mget', ...keys)).rejects.toThrow('TRYAGAIN');
    await migration.finish();
    expect(await topology.ownerOf(slot)).toBe(to);
    expect(await client.mget(...keys)).toEqual(keys);

    await to.command('wait', 1, 2_000);
    await to.kill9();
    const heir = await topology.failedOverFrom(to, slot);
    expect(await heir.command('mget', ...keys)).toEqual(keys);
    client.disconnect();
  });
});
