import type { Logger } from '@lockstep/core';
import { connect, createRedis } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FakeServer, type Reply } from './fake-server.ts';

type Ask = (args: readonly string[]) => Reply | undefined;

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const noSuchMaster = new Error('ERR No such master with that name');

async function server(): Promise<FakeServer> {
  const fake = await FakeServer.start();
  onTestFinished(() => fake[Symbol.asyncDispose]());
  return fake;
}

async function sentinel(ask: Ask): Promise<FakeServer> {
  const fake = await server();
  fake.answers['sentinel'] = (args) => (args[1] === 'sentinels' ? [] : ask(args));
  return fake;
}

/** Says that the master is this one since that failover. */
const believing =
  (master: FakeServer, epoch: number): Ask =>
  () => ['name', 'mymaster', 'ip', '127.0.0.1', 'port', String(master.port), 'config-epoch', String(epoch)];

const urlOf = (sentinels: readonly FakeServer[]): string =>
  `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster`;

async function masterOf(...asks: readonly Ask[]): Promise<number> {
  const sentinels = await Promise.all(asks.map(sentinel));
  await using redis = await connect(urlOf(sentinels), { logger: silent });
  return (redis.client as unknown as { stream: { remotePort: number } }).stream.remotePort;
}

it('goes to the master of the latest failover, whichever sentinel is asked first', async () => {
  const [old, promoted] = [await server(), await server()];
  const asks = [believing(old, 4), believing(promoted, 5), believing(old, 3)];
  expect(await masterOf(...asks)).toBe(promoted.port);
  expect(await masterOf(...asks.toReversed())).toBe(promoted.port);
});

it('waits neither for a sentinel that is silent nor for one that is gone', async () => {
  const [old, promoted] = [await server(), await server()];
  const mute: Ask = () => undefined;
  const started = performance.now();
  expect(await masterOf(mute, believing(old, 1), believing(promoted, 2))).toBe(promoted.port);
  // ioredis would wait for its answer as long as for a socket, 1 s and more.
  expect(performance.now() - started).toBeLessThan(900);
  const printed = vi.spyOn(console, 'error');
  const gone = await sentinel(mute);
  const living = await sentinel(believing(promoted, 1));
  const url = urlOf([gone, living]);
  await gone[Symbol.asyncDispose]();
  await using redis = await connect(url, { logger: silent });
  expect((redis.client as unknown as { stream: { remotePort: number } }).stream.remotePort).toBe(
    promoted.port,
  );
  expect(printed).not.toHaveBeenCalled();
});

it('asks the older question of a sentinel whose ACL has only that', async () => {
  const promoted = await server();
  const limited: Ask = ([, question]) =>
    question === 'master'
      ? new Error('NOPERM this user has no permissions')
      : ['127.0.0.1', String(promoted.port)];
  expect(await masterOf(limited)).toBe(promoted.port);
});

it('prefers any master to none, and says when no sentinel knows one', async () => {
  const promoted = await server();
  const ignorant: Ask = ([, question]) => (question === 'master' ? noSuchMaster : null);
  expect(await masterOf(ignorant, believing(promoted, 0))).toBe(promoted.port);
  await using redis = createRedis(urlOf([await sentinel(ignorant)]), { logger: silent });
  const refused: unknown = await redis.ready({ timeoutMs: 300 }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'REDIS_UNAVAILABLE' });
});

interface ClientInsides {
  readonly status: string;
  readonly stream: { destroy(): void };
  readonly connector: { readonly failoverDetector: { disconnect(): void } | null };
}

it('goes on looking when the connection before hears of a failover, and ends when it is told to', async () => {
  const master = await server();
  // The silent one keeps the next attempt waiting for a while.
  const sentinels = [await sentinel(believing(master, 1)), await sentinel(() => undefined)];
  await using redis = await connect(urlOf(sentinels), { logger: silent });
  const client = redis.client as unknown as ClientInsides;
  const detector = await eventually(() => {
    expect(client.connector.failoverDetector).not.toBeNull();
    return client.connector.failoverDetector!;
  });
  client.stream.destroy();
  await eventually(() => expect(client.status).toBe('connecting'), { intervalMs: 1 });
  detector.disconnect();
  await redis.ready({ timeoutMs: 3_000 });
  expect(client.status).toBe('ready');
  client.stream.destroy();
  await eventually(() => expect(client.status).toBe('connecting'), { intervalMs: 1 });
  await redis.close();
  await eventually(() => expect(client.status).toBe('end'));
});
