import { sleep, systemClock } from '@lockstep/core';
import { Redis } from 'ioredis';
import { createRedisMock } from 'js-redis-server';
import { GenericContainer, Wait } from 'testcontainers';
import { startStandalone } from './servers/standalone.ts';
import { engineTrouble, labelled, redisImage, removeContainers } from './site/container-engine.ts';
import { binaryVersion } from './site/open-site.ts';
import type { SiteKind } from './site/site.ts';

/** `embedded` never counts as a real Redis. */
export type Rung = 'url' | 'container' | 'binary' | 'embedded';

/** The Redis that the ladder found, and what further topologies can run on. */
export interface FoundRedis extends AsyncDisposable {
  readonly rung: Rung;
  /** The one standalone server that all suites share. */
  readonly url: string;
  /** Says which Redis it is, for the report. */
  readonly line: string;
  /** What Sentinel and Cluster can be started on; `undefined` when there is nothing. */
  readonly site: SiteKind | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const forcible = ['url', 'container', 'binary'] as const;
const redisPort = 6379;
const closeTimeoutMs = 1_000;

/**
 * `LOCKSTEP_REDIS` forces a rung. Otherwise the first that works of: `REDIS_URL`, a container engine, the redis-server on
 * PATH, and, unless `CI` is `true`, the embedded stand-in.
 */
export async function findRedis(
  env: Environment,
  warn: (text: string) => void,
  candidates: readonly (() => Promise<FoundRedis>)[] = [useContainer, useBinary],
): Promise<FoundRedis> {
  const forced = env['LOCKSTEP_REDIS'];
  if (forced !== undefined && forced !== '') return forcedRung(forced, env);
  if (env['REDIS_URL']) return useUrl(env['REDIS_URL']);
  const reasons: string[] = [];
  for (const rung of candidates) {
    try {
      return await rung();
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  const advice = `no real Redis: ${reasons.join('; ')}. Set REDIS_URL, start a container engine, or install redis-server.`;
  if (env['CI'] === 'true') throw new Error(`${advice} With CI=true a stand-in is not accepted.`);
  warn(
    `${advice}\nThe suites run on js-redis-server: that proves little. The full suite wants a real Redis.`,
  );
  return useEmbedded();
}

async function forcedRung(forced: string, env: Environment): Promise<FoundRedis> {
  const rung = forcible.find((name) => name === forced);
  if (rung === undefined)
    throw new Error(`LOCKSTEP_REDIS must be one of ${forcible.join(', ')}, got ${forced}`);
  if (rung === 'container') return useContainer();
  if (rung === 'binary') return useBinary();
  if (!env['REDIS_URL']) throw new Error('LOCKSTEP_REDIS=url needs REDIS_URL');
  return useUrl(env['REDIS_URL']);
}

async function useUrl(url: string): Promise<FoundRedis> {
  const version = await serverVersion(url);
  const { host } = new URL(url);
  return {
    rung: 'url',
    url,
    line: `redis: REDIS_URL ${host} ${version}`,
    site: await anySite(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function useContainer(): Promise<FoundRedis> {
  const trouble = await engineTrouble();
  if (trouble !== undefined) throw new Error(`no container engine (${trouble})`);
  await removeContainers();
  const container = await labelled(new GenericContainer(redisImage()))
    .withCommand(['redis-server', '--protected-mode', 'no', '--save', '', '--appendonly', 'no'])
    .withExposedPorts(redisPort)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const url = `redis://${container.getHost()}:${container.getMappedPort(redisPort)}`;
  return {
    rung: 'container',
    url,
    line: `redis: testcontainers ${redisImage()} ${await serverVersion(url)}`,
    site: 'container',
    async [Symbol.asyncDispose]() {
      await container.stop({ timeout: 0 });
      await removeContainers();
    },
  };
}

async function useBinary(): Promise<FoundRedis> {
  const version = binaryVersion();
  if (version === undefined) throw new Error('no redis-server on PATH');
  const server = await startStandalone({ site: 'binary' });
  return {
    rung: 'binary',
    url: server.url,
    line: `redis: redis-server ${version}`,
    site: 'binary',
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function useEmbedded(): Promise<FoundRedis> {
  const server = await createRedisMock();
  const { host, port } = server.addresses()[0]!;
  return {
    rung: 'embedded',
    url: `redis://${host}:${port}`,
    line: 'redis: js-redis-server (a stand-in, not a Redis)',
    site: undefined,
    // Its close() waits for its clients, which may have been killed.
    [Symbol.asyncDispose]: () =>
      Promise.race([server.close(), sleep(systemClock, closeTimeoutMs, { unref: true })]),
  };
}

async function anySite(): Promise<SiteKind | undefined> {
  if (binaryVersion() !== undefined) return 'binary';
  return (await engineTrouble()) === undefined ? 'container' : undefined;
}

async function serverVersion(url: string): Promise<string> {
  const client = new Redis(url, { maxRetriesPerRequest: 1, connectTimeout: 3_000, lazyConnect: true });
  // The command says what is wrong; without a listener ioredis prints it as well.
  client.on('error', () => undefined);
  try {
    const info = await client.info('server');
    return /^(?:valkey|redis)_version:(\S+)/m.exec(info)?.[1] ?? 'of unknown version';
  } finally {
    client.disconnect();
  }
}
