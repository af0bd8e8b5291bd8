import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { findRedis } from '../src/ladder.ts';

const silent = (): void => undefined;
const nothing = [
  (): Promise<never> => Promise.reject(new Error('no engine')),
  (): Promise<never> => Promise.reject(new Error('no binary')),
];

it('refuses a run with CI=true when there is no real Redis, and says what was tried', async () => {
  const finding = findRedis({ CI: 'true' }, silent, nothing);
  await expect(finding).rejects.toThrow('no real Redis: no engine; no binary');
});

it('falls back to a stand-in without CI, saying loudly that it is none', async () => {
  const told: string[] = [];
  await using found = await findRedis({}, (text) => told.push(text), nothing);
  expect(found).toMatchObject({ rung: 'embedded', site: undefined });
  expect(told.join()).toContain('wants a real Redis');
  const client = new Redis(found.url, { disableClientInfo: true });
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
});

it('takes the first rung that works', async () => {
  const found = { rung: 'binary', url: 'redis://x', line: 'x', site: 'binary' } as const;
  const works = (): Promise<typeof found & AsyncDisposable> =>
    Promise.resolve({ ...found, [Symbol.asyncDispose]: () => Promise.resolve() });
  await using redis = await findRedis({}, silent, [nothing[0]!, works]);
  expect(redis.rung).toBe('binary');
});

it('does not go down the ladder when a rung is asked for and does not work', async () => {
  const dead = 'redis://127.0.0.1:1';
  await expect(findRedis({ REDIS_URL: dead }, silent)).rejects.toThrow();
  await expect(findRedis({ REDIS_URL: dead, LOCKSTEP_REDIS: 'url' }, silent)).rejects.toThrow();
  await expect(findRedis({ LOCKSTEP_REDIS: 'url' }, silent)).rejects.toThrow('needs REDIS_URL');
  await expect(findRedis({ LOCKSTEP_REDIS: 'mock' }, silent)).rejects.toThrow('must be one of');
});
