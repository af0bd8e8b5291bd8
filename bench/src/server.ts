import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** The Redis that is measured. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string;
  /** What it is, for the head of a report. */
  readonly description: string;
}

/** `REDIS_URL`, or a redis-server of our own on a free loopback port that keeps nothing on disk. */
export async function openServer(): Promise<BenchServer> {
  const given = process.env['REDIS_URL'];
  if (given) {
    return {
      url: given,
      description: `Redis ${await versionOf(given)} at REDIS_URL`,
      [Symbol.asyncDispose]: async () => {},
    };
  }
  return startServer();
}

async function startServer(): Promise<BenchServer> {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-bench-'));
  const flags = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
  ];
  const server = spawn('redis-server', flags, { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const stopOnExit = (): void => void server.kill('SIGKILL');
  process.once('exit', stopOnExit);
  const url = `redis://127.0.0.1:${port}`;
  const failed = exited.then(([code]) => {
    throw new Error(`redis-server ended with code ${String(code)} before it answered`);
  });
  const version = await Promise.race([versionOf(url), failed]);
  failed.catch(() => {});
  return {
    url,
    description: `redis-server ${version}, no persistence`,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', stopOnExit);
      server.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function versionOf(url: string): Promise<string> {
  const redis = new Redis(url, {
    retryStrategy: (times) => (times > 100 ? null : 50),
    maxRetriesPerRequest: null,
  });
  // Refused while the server starts; the retry above deals with it.
  redis.on('error', () => {});
  try {
    return /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'unknown';
  } finally {
    redis.disconnect();
  }
}
