import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { memoryConnection } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { IndexWriter } from '../src/index-writer.ts';
import { LockIndex } from '../src/lock-index.ts';
import { indexLocks } from '../src/scripts/index-locks.ts';
import { createPlaces, type Place } from '../src/place.ts';

async function openIndex(): Promise<
  AsyncDisposable & { index: LockIndex; place: Place; advance(ms: number): Promise<void> }
> {
  const connection = await memoryConnection();
  const places = createPlaces([connection.redis], 'lock:');
  const index = new LockIndex(places, connection.clock, (error) => {
    throw error;
  });
  return {
    index,
    place: places[0]!,
    advance: (ms) => connection.clock.advance(ms),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

async function namesOf(index: LockIndex, place: Place): Promise<string[]> {
  const names: string[] = [];
  for await (const page of index.names(place, undefined)) names.push(...page);
  return names;
}

it('walks buckets of more names than a page holds', async () => {
  await using at = await openIndex();
  const names = Array.from({ length: 8_000 }, (_, number) => `name-${number}`);
  for (const name of names) at.index.enter(name, 10_000, {});
  await at.index.flush();
  const listed = await namesOf(at.index, at.place);
  expect(listed).toHaveLength(names.length);
  expect(new Set(listed)).toEqual(new Set(names));
});

it('forgets names whose time is over, as others are entered', async () => {
  await using at = await openIndex();
  for (let number = 0; number < 50; number += 1) at.index.enter(`old-${number}`, 1_000, {});
  await at.index.flush();
  await at.advance(62_000);
  for (let number = 0; number < 50; number += 1) at.index.enter(`new-${number}`, 1_000, {});
  await at.index.flush();
  expect((await namesOf(at.index, at.place)).filter((name) => name.startsWith('old'))).toEqual([]);
});

it('does not write a name again that is entered for long enough', async () => {
  await using at = await openIndex();
  const { redis } = at.place;
  at.index.enter('again', 1_000, {});
  await at.index.flush();
  await Promise.all((await redis.client.keys('*index*')).map((key) => redis.client.del(key)));
  at.index.enter('again', 1_000, {});
  await at.index.flush();
  expect(await namesOf(at.index, at.place)).toEqual([]);
  at.index.enter('again', 100_000, {});
  await at.index.flush();
  expect(await namesOf(at.index, at.place)).toEqual(['again']);
});

it('does not write a name whose lock is free again, unless somebody else holds it', async () => {
  await using at = await openIndex();
  const [first, second] = [{}, {}];
  at.index.enter('short', 1_000, first);
  at.index.enter('shared', 1_000, first);
  at.index.enter('shared', 500, second);
  at.index.leave('short', first);
  at.index.leave('shared', first);
  await at.advance(20);
  await at.index.flush();
  expect(await namesOf(at.index, at.place)).toEqual(['shared']);
  // It was not written, so it is not remembered either.
  at.index.enter('short', 1_000, second);
  await at.advance(20);
  await at.index.flush();
  expect(await namesOf(at.index, at.place)).toContain('short');
});

it('says that a counter was touched without believing that the name was written again', async () => {
  await using at = await openIndex();
  const dayMs = 24 * 60 * 60 * 1_000;
  at.index.enter('a', 1_000, {}, true);
  await at.index.flush();
  await at.advance(dayMs - 30_000);
  at.index.enter('a', 1_000, {}, false);
  await at.index.flush();
  expect(at.index.needsTouch('a')).toBe(false);
  // A day after it was touched: entered for 10 s more.
  await at.advance(50_000);
  expect(at.index.needsTouch('a')).toBe(true);
  at.index.enter('a', 1_000, {}, true);
  expect(at.index.needsTouch('a')).toBe(false);
  await at.advance(15_000);
  at.index.enter('a', 1_000, {}, false);
  await at.index.flush();
  // What is over is dropped as others are entered.
  for (let number = 0; number < 50; number += 1) at.index.enter(`z-${number}`, 1_000, {});
  await at.index.flush();
  expect(await namesOf(at.index, at.place)).toContain('a');
});

it('does not take a counter for touched that no request has touched', async () => {
  await using at = await openIndex();
  at.index.enter('a', 1_000, {}, false);
  expect(at.index.needsTouch('a')).toBe(true);
  at.index.enter('a', 100_000, {}, true);
  expect(at.index.needsTouch('a')).toBe(false);
  await at.advance(24 * 60 * 60 * 1_000 + 1);
  // Planned before, granted after the day was over.
  at.index.enter('a', 1_000, {}, false);
  expect(at.index.needsTouch('a')).toBe(true);
});

it('keeps a written name for the next holder when the one before is done', async () => {
  await using at = await openIndex();
  const holder = {};
  at.index.enter('written', 1_000, holder);
  await at.index.flush();
  at.index.leave('written', holder);
  expect(await namesOf(at.index, at.place)).toEqual(['written']);
});

it('keeps what could not be written, up to so many names, and tells of it once', async () => {
  await using at = await openIndex();
  const { redis } = at.place;
  const told: unknown[] = [];
  const dropped: string[] = [];
  const writer = new IndexWriter({
    place: at.place,
    onError: (error) => told.push(error),
    onBehind: () => {},
    onDropped: (name) => dropped.push(name),
    most: 3,
  });
  // Each name has a bucket of its own, so a script of its own: 1, 2, 3, and then 4 of which one is dropped.
  const times = 1 + 2 + 3 + 4 + 4;
  memoryFaults(redis).failNext(new Error('OOM command not allowed'), { match: callsOf(indexLocks), times });
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    writer.write(new Map([[name, 10_000]]));
    await writer.written();
  }
  expect([told.length, dropped]).toEqual([1, ['a', 'b']]);
  writer.write(new Map());
  expect(await writer.written()).toBe(true);
  expect((await namesOf(at.index, at.place)).sort()).toEqual(['c', 'd', 'e']);
});
