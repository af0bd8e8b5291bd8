import { memoryConnection } from '@lockstep/testing';
import { expect, it } from 'vitest';
import { LockIndex } from '../src/lock-index.ts';
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

it('keeps a written name for the next holder when the one before is done', async () => {
  await using at = await openIndex();
  const holder = {};
  at.index.enter('written', 1_000, holder);
  await at.index.flush();
  at.index.leave('written', holder);
  expect(await namesOf(at.index, at.place)).toEqual(['written']);
});
