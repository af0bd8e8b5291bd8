import { describe, expect, it } from 'vitest';
import type { AdminClient } from '../src/client.ts';
import { serverFacts } from '../src/ioredis/server-facts.ts';
import { readServerTime } from '../src/ioredis/server-time.ts';
import { probeServers } from '../src/server-probe.ts';

const info = [
  '# Server',
  'redis_version:7.0.15',
  '# Memory',
  'used_memory:2048',
  'maxmemory:4096',
  'maxmemory_policy:allkeys-lru',
  '# Persistence',
  'aof_enabled:1',
  'aof_last_write_status:ok',
  'rdb_last_bgsave_status:err',
  '# Replication',
  'role:master',
  'slave0:ip=10.0.0.2,port=7001,state=online,offset=900,lag=1',
  'slave1:ip=10.0.0.3,port=7002,state=wait_bgsave,offset=0,lag=0',
  'master_replid:aaaa',
  'master_repl_offset:1000',
].join('\r\n');

type Answer = string | Error;

/** A server that answers INFO and CONFIG GET as told. */
function server({
  info: text = info,
  config = {},
}: {
  info?: Answer;
  config?: Record<string, Answer>;
}): AdminClient {
  const say = <T>(answer: Answer, reply: T): Promise<T> =>
    answer instanceof Error ? Promise.reject(answer) : Promise.resolve(reply);
  return {
    options: { host: 'h', port: 7_000 },
    info: () => say(text, String(text)),
    call: (_: string, __: string, name: string) =>
      say(config[name] ?? '', [name, String(config[name] ?? '')]),
  } as unknown as AdminClient;
}

const noperm = (command: string) =>
  new Error(`NOPERM this user has no permissions to run the '${command}' command`);

describe('the probe of a server', () => {
  it('reads its role, replicas, memory and persistence', async () => {
    const config = { appendfsync: 'always', save: '', 'min-replicas-to-write': '1' };
    expect(await probeServers([server({ config })])).toEqual([
      {
        address: 'h:7000',
        role: 'master',
        version: '7.0.15',
        replicas: [
          { address: '10.0.0.2:7001', state: 'online', lagSeconds: 1, lagBytes: 100 },
          { address: '10.0.0.3:7002', state: 'wait_bgsave', lagSeconds: 0, lagBytes: 1_000 },
        ],
        usedMemoryBytes: 2_048,
        maxMemoryBytes: 4_096,
        evictionPolicy: 'allkeys-lru',
        persistence: { aof: 'always', snapshots: false, healthy: false },
        minReplicasToWrite: 1,
        refused: [],
        error: undefined,
      },
    ]);
  });

  it('leaves out what the ACL, or a managed service, does not allow', async () => {
    const refusal = noperm('config|get');
    const config = { appendfsync: refusal, save: refusal, 'min-replicas-to-write': refusal };
    const [state] = await probeServers([server({ config })]);
    expect(state).toMatchObject({
      refused: ['config|get'],
      persistence: { aof: 'on', snapshots: undefined },
      minReplicasToWrite: undefined,
      role: 'master',
    });
    const unknown = new Error("ERR unknown command 'config'");
    const [managed] = await probeServers([server({ config: { appendfsync: unknown } })]);
    expect(managed!.refused).toEqual(['config|get']);
    const [blind] = await probeServers([server({ info: noperm('info'), config })]);
    expect(blind).toMatchObject({ refused: ['info', 'config|get'], role: undefined, error: undefined });
    expect(blind!.persistence.aof).toBeUndefined();
  });

  it('tells of a server that does not answer, next to those that do', async () => {
    const gone = new Error('Command timed out');
    const states = await probeServers([server({ info: gone }), server({})]);
    expect(states.map(({ error }) => error)).toEqual([gone, undefined]);
  });

  it('calls a replica a replica', async () => {
    const [state] = await probeServers([server({ info: 'role:slave\r\naof_enabled:0' })]);
    expect(state).toMatchObject({ role: 'replica', persistence: { aof: 'off' } });
  });
});

describe('the facts of a connection', () => {
  const version = (text: string, id: string) =>
    server({ info: `redis_version:${text}\r\nmaster_replid:${id}` });

  it('name the lowest version and the history of every master', async () => {
    expect(await serverFacts([version('7.0.15', 'a'), version('7.0.9', 'b'), version('7.2.0', 'c')])).toEqual(
      {
        kind: 'redis',
        version: '7.0.9',
        histories: ['a', 'b', 'c'],
      },
    );
  });

  it('know a Valkey by its own version', async () => {
    const valkey = server({ info: 'redis_version:7.2.4\r\nvalkey_version:8.1.1' });
    expect(await serverFacts([valkey])).toMatchObject({ kind: 'valkey', version: '8.1.1' });
  });

  it('are the least where INFO is not allowed, and fail only when nobody answers', async () => {
    expect(await serverFacts([server({ info: noperm('info') })])).toEqual({
      kind: 'redis',
      version: '0.0.0',
      histories: [],
    });
    const gone = server({ info: new Error('Connection is closed.') });
    expect(await serverFacts([gone, version('7.0.0', 'a')])).toMatchObject({ version: '7.0.0' });
    await expect(serverFacts([gone])).rejects.toThrow('closed');
  });
});

describe("the servers' time", () => {
  it('is that of the master furthest ahead', async () => {
    const at = (seconds: number, microseconds: number) => ({
      time: () => Promise.resolve([seconds, microseconds]),
    });
    const gone = { time: () => Promise.reject(new Error('gone')) };
    expect(await readServerTime([at(1, 500_000), at(2, 250_000), gone])).toBe(2_250);
    await expect(readServerTime([gone])).rejects.toThrow('gone');
  });
});
