import { memoryConnection, type MemoryConnection } from '@lockstep/testing';
import { createLocks, type LockHandle, type Locks } from '@lockstep/lock';
import { expect, it } from 'vitest';
import { silent } from './behaviour/setup.ts';
import { lookoutMs } from '../src/timing.ts';

const line = '{lockstep:lock:a}';
const options = { waitMs: 60_000, ttlMs: 30_000 };

/** Another process on the same server. */
function beside(first: MemoryConnection): Promise<MemoryConnection> {
  return memoryConnection({ name: first.name, clock: first.clock, logger: silent });
}

async function processOf(connection: MemoryConnection): Promise<Locks> {
  // What the process is told by is heard once somebody waits for it.
  connection.redis.doorbell.on('somebody', () => {});
  await connection.redis.doorbell.ready;
  return createLocks({ redis: connection.redis, logger: silent });
}

/** How often a process is told to look out. */
function toldTo(watched: MemoryConnection, by: MemoryConnection): () => number {
  let told = 0;
  by.redis.subscribe(watched.redis.doorbell.channel, (payload) => {
    if (payload.endsWith('+')) told += 1;
  });
  return () => told;
}

type Reader = Record<'zrange', (key: string, from: number, to: number) => Promise<string[]>> &
  Record<'exists', (key: string) => Promise<number>>;

it('is told once of many that are rung within a short time, again after it, and leaves nothing behind', async () => {
  await using first = await memoryConnection({ logger: silent });
  await using last = await beside(first);
  const [one, other] = [await processOf(first), await processOf(last)];
  const told = toldTo(last, first);
  const held = await one.acquire('a', options);
  const inLine: Promise<LockHandle>[] = [];
  for (let place = 0; place < 8; place += 1) {
    inLine.push(one.acquire('a', options));
    await first.clock.advance(1);
  }
  const lookout = other.acquire('a', options);
  await first.clock.advance(1);

  await held.release();
  for (const turn of inLine.slice(0, 4)) await (await turn).release();
  await first.clock.advance(0);
  expect(told()).toBe(1);

  const fifth = await inLine[4]!;
  await first.clock.advance(lookoutMs + 1);
  await fifth.release();
  for (const turn of inLine.slice(5)) await (await turn).release();
  await first.clock.advance(0);
  expect(told()).toBe(2);

  await (await lookout).release();
  expect(await (first.redis.client as unknown as Reader).exists(`${line}:alive`)).toBe(0);
});

it('sees to one that was rung, and froze, after it was told of another', async () => {
  await using first = await memoryConnection({ logger: silent });
  await using frozen = await beside(first);
  await using last = await beside(first);
  const [one, other] = [await processOf(first), await processOf(last)];
  await processOf(frozen);
  const told = toldTo(last, first);
  const held = await one.acquire('a', options);
  const second = one.acquire('a', options);
  await first.clock.advance(1);
  const waiter = `${frozen.redis.doorbell.channel} nobody~home~1`;
  const client = frozen.redis.client as unknown as Record<
    'rpush' | 'zadd',
    (key: string, ...args: (string | number)[]) => Promise<unknown>
  >;
  await client.rpush(`${line}:waiters`, waiter);
  await client.zadd(`${line}:alive`, first.clock.now() + 10_000, waiter);
  await first.clock.advance(1);
  let servedAt = Infinity;
  const served = other.acquire('a', options).then(() => (servedAt = first.clock.monotonic()));
  await first.clock.advance(1);

  await held.release();
  const lock = await second;
  await first.clock.advance(lookoutMs - 1);
  const rungAt = first.clock.monotonic();
  await lock.release();
  await first.clock.advance(1_000);
  expect(told()).toBe(1);
  expect(servedAt - rungAt).toBeLessThanOrEqual(1_000);
  await served;
});

it('is another one as soon as the one that was told has left the line', async () => {
  await using first = await memoryConnection({ logger: silent });
  await using second = await beside(first);
  await using third = await beside(first);
  const [one, two, three] = [await processOf(first), await processOf(second), await processOf(third)];
  const told = [toldTo(second, first), toldTo(third, first)];
  const held = await one.acquire('a', options);
  const inLine = [one.acquire('a', options), one.acquire('a', options)];
  await first.clock.advance(1);
  const behind = three.acquire('a', options);
  await first.clock.advance(1);
  const gone = new AbortController();
  const leaving = two.acquire('a', { ...options, signal: gone.signal });
  await first.clock.advance(1);

  await held.release();
  const next = await inLine[0]!;
  await first.clock.advance(0);
  expect(told.map((count) => count())).toEqual([1, 0]);
  gone.abort(new Error('no more'));
  await expect(leaving).rejects.toThrow('no more');
  await first.clock.advance(1);
  const notes = await (first.redis.client as unknown as Reader).zrange(`${line}:alive`, 0, -1);
  expect(notes.filter((member) => member.startsWith(' '))).toEqual([]);
  await next.release();
  await first.clock.advance(0);
  expect(told.map((count) => count())).toEqual([1, 1]);
  await (await inLine[1]!).release();
  await (await behind).release();
});
