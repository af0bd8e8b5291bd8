import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isLockstepError } from '@lockstep/core';
import { createLocks } from '@lockstep/lock';
import { connect, createRedis, type Redis } from '@lockstep/redis';
import { createQueue, task } from '@lockstep/task-queue';
import { eventually } from '@lockstep/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyInput } from '../src/queue-chaos/any-input.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';
import { silent } from './redis-load.ts';
import { increment } from './redis-scripts.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const password = 'only-for-this-test';
let server: StandaloneServer;
/** The rules of `docs/security.md` by the user's name. */
const rules = new Map<string, readonly string[]>();

beforeAll(async () => {
  server = await startStandalone();
  const text = await readFile(join(root, 'docs/security.md'), 'utf8');
  for (const [, user, line] of text.matchAll(/^ACL SETUSER (\S+) (.*)$/gm)) {
    rules.set(user!, line!.replace('PASSWORD', password).split(' '));
  }
});
afterAll(() => server[Symbol.asyncDispose]());

/** Connects as a documented user, less some of its commands. */
async function connectAs(user: string, ...without: string[]): Promise<Redis> {
  const refused = without.map((command) => `-${command}`);
  await server.command('acl', 'setuser', user, 'reset', ...rules.get(user)!, ...refused);
  await server.command('flushall');
  await server.command('script', 'flush');
  const url = `redis://${user}:${password}@127.0.0.1:${server.port}`;
  return connect(url, { prefix: 'shop:', logger: silent, onError: () => {} });
}

async function useConnection(redis: Redis): Promise<void> {
  await redis.subscribe(`${redis.prefix}news`, () => {}).ready;
  await redis.time();
  await redis.client.ping();
  expect((await redis.health()).status).not.toBe('down');
}

async function useLocks(redis: Redis): Promise<void> {
  const locks = createLocks({ redis });
  const held = await locks.acquire('a', { ttlMs: 5_000 });
  await held.extend(5_000);
  const [next] = await Promise.all([
    locks.acquire('a', { ttlMs: 5_000, waitMs: 1_000 }),
    eventually(async () => expect(await redis.client.exists('{shop:lock:a}:waiters')).toBe(1)).then(() =>
      held.release(),
    ),
  ]);
  await next.release();
}

async function useQueue(redis: Redis): Promise<void> {
  const tasks = { pay: task({ input: anyInput<object>(), maxAttempts: 1 }) };
  const queue = createQueue({ redis, name: 'q', tasks });
  const { id } = await queue.enqueue('pay', {});
  const [failed] = await queue.receive();
  await failed!.reject('declined');
  await queue.deadLetters.redrive({ ids: [id] });
  const [paid] = await queue.receive();
  await paid!.complete();
  await queue.result(id, { timeoutMs: 0 });
  expect(await queue.stats()).toMatchObject({ completed: 1, dead: 0 });
}

const users = [
  { user: 'shop-base', use: useConnection, sources: [] },
  { user: 'shop-lock', use: useLocks, sources: ['lock', 'redis'] },
  { user: 'shop-queue', use: useQueue, sources: ['task-queue', 'delivery', 'redis'] },
];

/** Commands of the scripts in these packages. TIME is what the prelude of a script calls. */
async function scriptCommands(packages: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const name of packages) {
    const folder = join(root, 'packages', name, 'src');
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith('.ts')) continue;
      const text = await readFile(join(folder, file), 'utf8');
      for (const [, command] of text.matchAll(/redis\.p?call\('(\w+)'/g)) found.add(command!.toLowerCase());
    }
  }
  return [...found].toSorted();
}

const allowed = (user: string): string[] =>
  rules.get(user)!.flatMap((rule) => (rule.startsWith('+') ? [rule.slice(1)] : []));

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(users)('the documented user $user', ({ user, use, sources }) => {
  it('may do what its package does', async () => {
    await using redis = await connectAs(user);
    await use(redis);
    await useConnection(redis);
  });

  it('may do nothing beyond its prefix, and nothing else', async () => {
    await using redis = await connectAs(user);
    const denied = (work: Promise<unknown>): Promise<void> => expect(work).rejects.toThrow('NOPERM');
    await denied(redis.client.get('other:x'));
    await denied(redis.client.keys('*'));
    await denied(redis.client.subscribe('other:x'));
    await denied((redis.client as unknown as { flushall(): Promise<unknown> }).flushall());
  });

  it('has exactly the commands of the scripts of its package, and of a connection', async () => {
    const calls = sources.length === 0 ? [] : ['evalsha', 'eval'];
    const needed = [...allowed('shop-base'), ...calls, ...(await scriptCommands(sources))];
    expect(allowed(user).toSorted()).toEqual([...new Set(needed)].toSorted());
  });
});

it.each([
  ['shop-lock', useLocks, ['eval', 'evalsha', 'set', 'pexpire', 'del', 'publish', 'zadd', 'incrby']],
  ['shop-queue', useQueue, ['eval', 'evalsha', 'hset', 'hmget', 'zadd', 'zrem', 'rpush', 'lpop', 'hincrby']],
] as const)('%s is told which command is missing, each time', async (user, use, commands) => {
  for (const command of commands) {
    await using redis = await connectAs(user, command);
    const error = await failureOf(use(redis));
    expect(error, command).toMatchObject({ code: 'REDIS_ACCESS', reason: 'permission' });
    expect((error as { remedy?: string }).remedy?.split(' '), command).toContain(`+${command}`);
    expect(isLockstepError(error) && error.retryable).toBe(false);
  }
});

it('a connection is told that time is missing, and which subscription is refused', async () => {
  const refused = await failureOf(connectAs('shop-base', 'time'));
  expect(refused).toMatchObject({ code: 'REDIS_ACCESS', reason: 'permission', remedy: '+time' });
  const told: string[] = [];
  const logger = { ...silent, warn: (_: object, message: string) => void told.push(message) };
  await using redis = await connectAs('shop-base', 'subscribe');
  await using listener = await connect({ client: redis.client }, { prefix: 'shop:', logger });
  listener.subscribe('shop:news', () => {});
  await eventually(() => expect(told.join()).toContain('allow it with +subscribe'));
});

it('a Cluster wants to be asked about itself', async () => {
  const config = ['cluster-enabled yes', 'cluster-config-file nodes.conf', 'cluster-announce-ip 127.0.0.1'];
  await using node = await startStandalone({ config });
  await node.command('cluster', 'addslotsrange', 0, 16_383);
  await eventually(async () => expect(await node.command('cluster', 'info')).toContain('cluster_state:ok'));
  const asUser = async (...more: string[]): Promise<Redis> => {
    await node.command('acl', 'setuser', 'shop-lock', 'reset', ...rules.get('shop-lock')!, ...more);
    const url = `redis+cluster://shop-lock:${password}@127.0.0.1:${node.port}`;
    return connect(url, { prefix: 'shop:', logger: silent });
  };
  await using redis = await asUser('+cluster|slots', '+cluster|info');
  await useLocks(redis);
  await useConnection(redis);
  expect(await failureOf(asUser())).toMatchObject({ code: 'REDIS_ACCESS', reason: 'permission' });
});

it('a database that may not be selected is no connection, rather than database 0', async () => {
  await using elsewhere = await connectAs('shop-lock');
  const url = `redis://shop-lock:${password}@127.0.0.1:${server.port}/2`;
  const refused = await failureOf(connect(url, { prefix: 'shop:', logger: silent }));
  expect(refused).toMatchObject({ code: 'REDIS_ACCESS', reason: 'permission', remedy: '+select' });
  await using late = createRedis(url, { prefix: 'shop:', logger: silent });
  await failureOf(late.ready({ timeoutMs: 300 }));
  const call = late.run(increment, { counter: 'shop:x' }, {}, { timeoutMs: 300 });
  expect(await failureOf(call)).toMatchObject({
    code: expect.stringMatching(/REDIS_ACCESS|REDIS_UNAVAILABLE/) as string,
  });
  expect(await elsewhere.client.get('shop:x')).toBeNull();
});
