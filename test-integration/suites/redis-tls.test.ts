import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createRedis, type Redis, type RedisOptions } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisNode } from '../src/servers/redis-node.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';
import { binaryVersion, openSite } from '../src/site/open-site.ts';
import { freePorts } from '../src/site/ports.ts';
import { silent } from './redis-load.ts';
import { increment } from './redis-scripts.ts';

type Certificate = 'good' | 'elsewhere' | 'expired';

// The certificates are files of this machine, which a server in a container does not see.
describe.runIf(binaryVersion() !== undefined)('a connection over TLS', () => {
  let folder: string;
  let ca: string;
  const servers = new Map<Certificate, { server: StandaloneServer; port: number }>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lockstep-tls-'));
    createAuthority(folder);
    ca = await readFile(join(folder, 'ca.crt'), 'utf8');
    await createCertificate(folder, 'good', 'IP:127.0.0.1,DNS:localhost', 1);
    await createCertificate(folder, 'elsewhere', 'DNS:redis.example', 1);
    await createCertificate(folder, 'expired', 'IP:127.0.0.1', -1);
    for (const name of ['good', 'elsewhere', 'expired'] as const) {
      servers.set(name, await startTls(folder, name));
    }
  });
  afterAll(async () => {
    for (const { server } of servers.values()) await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const urlOf = (name: Certificate, host = '127.0.0.1'): string =>
    `rediss://${host}:${servers.get(name)!.port}`;
  const connected = (url: string, options: RedisOptions): Promise<Redis> =>
    connect(url, { logger: silent, ...options });
  const refusal = async (url: string, options: RedisOptions): Promise<string> => {
    await using redis = createRedis(url, { logger: silent, ...options });
    const start = performance.now();
    const error: unknown = await redis.ready({ timeoutMs: 30_000 }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'REDIS_ACCESS', reason: 'credentials', retryable: false });
    expect(performance.now() - start).toBeLessThan(5_000);
    return String(error);
  };

  it('carries scripts and messages to a server whose authority is given', async () => {
    await using redis = await connected(urlOf('good'), { tls: { ca } });
    expect(await redis.run(increment, { counter: 'x' }, {})).toBe(1);
    const heard: string[] = [];
    await redis.subscribe('news', (payload) => heard.push(payload)).ready;
    await redis.client.publish('news', 'x');
    await eventually(() => expect(heard).toEqual(['x']));
    await using byName = await connected(urlOf('good', 'localhost'), { tls: { ca } });
    expect(await byName.run(increment, { counter: 'x' }, {})).toBe(2);
  });

  it('is refused at once to a server of an unknown authority, for another host, and past its date', async () => {
    const reasons = await Promise.all([
      refusal(urlOf('good'), {}),
      refusal(urlOf('elsewhere'), { tls: { ca } }),
      refusal(urlOf('expired'), { tls: { ca } }),
    ]);
    expect(reasons[0]).toMatch(/self.signed certificate|unable to verify/i);
    expect(reasons[1]).toContain("does not match certificate's altnames");
    expect(reasons[2]).toContain('certificate has expired');
  });

  it('takes the name to expect from the option', async () => {
    await using redis = await connected(urlOf('elsewhere'), { tls: { ca, servername: 'redis.example' } });
    expect(await redis.run(increment, { counter: 'x' }, {})).toBe(1);
  });

  it('leads to a Cluster, node by node', async () => {
    const extra = [
      'cluster-enabled yes',
      'cluster-config-file nodes.conf',
      'tls-cluster yes',
      'cluster-announce-ip 127.0.0.1',
    ];
    const { server, port } = await startTls(folder, 'good', extra);
    await using _ = server;
    await server.command('cluster', 'addslotsrange', 0, 16_383);
    await eventually(async () =>
      expect(await server.command('cluster', 'info')).toContain('cluster_state:ok'),
    );
    await using redis = await connected(`rediss+cluster://localhost:${port}`, { tls: { ca } });
    expect(await redis.run(increment, { counter: 'x' }, {})).toBe(1);
    const heard: string[] = [];
    await redis.subscribe('news', (payload) => heard.push(payload)).ready;
    await server.command('publish', 'news', 'x');
    await eventually(() => expect(heard).toEqual(['x']));
  });

  it('leads to the sentinels, and to the master they name', async () => {
    const { port } = servers.get('good')!;
    await using site = await openSite(2, 'binary');
    const [plainPort = 0, sentinelPort = 0] = site.ports;
    await using sentinel = new RedisNode(site, {
      program: 'redis-sentinel',
      name: 'sentinel',
      port: plainPort,
      config: [
        ...tlsConfig(folder, 'good', sentinelPort),
        'tls-replication yes',
        `sentinel monitor mymaster 127.0.0.1 ${port} 1`,
      ],
    });
    await sentinel.start();
    const url = `rediss+sentinel://127.0.0.1:${sentinelPort}/mymaster`;
    await using redis = await connected(url, { tls: { ca } });
    expect(await redis.run(increment, { counter: 'by-sentinel' }, {})).toBe(1);
    await using distrustful = createRedis(url, { logger: silent });
    const refused: unknown = await distrustful.ready({ timeoutMs: 500 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'connection' });
    expect(String(refused)).toContain('All sentinels are unreachable');
  });
});

function openssl(folder: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`, { cause: error });
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function createAuthority(folder: string): void {
  const subject = ['-subj', '/CN=Throw-away authority', '-days', '1'];
  openssl(folder, 'req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', ...subject);
}

async function createCertificate(folder: string, name: string, altName: string, days: number): Promise<void> {
  openssl(folder, 'req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  await writeFile(join(folder, `${name}.ext`), `subjectAltName=${altName}\n`);
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
  openssl(
    folder,
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-out',
    `${name}.crt`,
    ...signing,
    '-days',
    String(days),
  );
}

async function startTls(
  folder: string,
  name: string,
  extra: readonly string[] = [],
): Promise<{ server: StandaloneServer; port: number }> {
  const [port = 0] = await freePorts(1);
  const config = [...tlsConfig(folder, name, port), ...extra];
  return { server: await startStandalone({ site: 'binary', config }), port };
}

function tlsConfig(folder: string, name: string, port: number): string[] {
  const file = (suffix: string): string => join(folder, suffix);
  return [
    `tls-port ${port}`,
    `tls-cert-file ${file(`${name}.crt`)}`,
    `tls-key-file ${file(`${name}.key`)}`,
    `tls-ca-cert-file ${file('ca.crt')}`,
    'tls-auth-clients no',
  ];
}
