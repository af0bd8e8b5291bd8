import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../src/engine.ts';
import { createPartition } from '../../src/keys.ts';
import type { ListSlice } from '../../src/scripts/read.ts';
import { becomes, collect, named, openEngine } from './open-engine.ts';

async function kill(engine: Engine, ...ids: string[]): Promise<void> {
  await engine.enqueue(named(...ids));
  for (const delivery of await engine.receive({ max: ids.length })) {
    await delivery.settle({
      type: 'dead',
      reason: `reason of ${delivery.id}`,
      error: `error of ${delivery.id}`,
    });
  }
}

export function adminBehaviour(harness: BehaviourHarness): void {
  describe('dead letters', () => {
    it('keep body, reason and history', async () => {
      const { engine } = await openEngine(harness);
      await kill(engine, 'a', 'b');
      const dead = await collect(engine.deadLetters.list());
      expect(dead.map(({ id }) => id).sort()).toEqual(['a', 'b']);
      expect(dead.find(({ id }) => id === 'a')).toMatchObject({
        state: 'dead',
        body: 'body of a',
        dead: { reason: 'reason of a' },
        history: [{ error: 'error of a' }],
        attempts: 1,
      });
      expect(await engine.deadLetters.get('b')).toMatchObject({ id: 'b', dead: { reason: 'reason of b' } });
      expect(await engine.stats()).toMatchObject({ dead: 2, died: 2, failed: 2 });
      expect(await engine.outcome('a')).toMatchObject({ status: 'dead', reason: 'reason of a' });
      expect((await engine.enqueue(named('a')))[0]!.status).toBe('duplicate');
    });

    it('run again with attempts at zero and their trail kept', async () => {
      const { engine } = await openEngine(harness);
      await kill(engine, 'a', 'b');
      expect(await engine.deadLetters.redrive(['a', 'b', 'a', 'nothing'])).toEqual(['a', 'b', 'a']);
      expect(await engine.deadLetters.redrive(['a'])).toEqual([]);
      const received = await engine.receive({ max: 10 });
      expect(received.map(({ id, deliveries, attempts }) => [id, deliveries, attempts])).toEqual([
        ['a', 1, 0],
        ['b', 1, 0],
      ]);
      expect((await engine.get('a'))!.history).toMatchObject([{ error: 'error of a' }]);
      expect(await engine.stats()).toMatchObject({ dead: 0, redriven: 2, leased: 2 });
      await Promise.all(received.map((delivery) => delivery.settle({ type: 'complete' })));
      expect(await engine.get('a')).toBeUndefined();
    });

    it('wake a sleeping consumer when they are redriven', async () => {
      const { engine } = await openEngine(harness);
      await kill(engine, 'a');
      const consumer = engine.consume({ handle: () => Promise.resolve({ type: 'complete' }) });
      consumer.start();
      await harness.advance(50);
      await engine.deadLetters.redrive(['a'], { delayMs: 100 });
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1), 2_000);
    });

    it('are removed for good', async () => {
      const { engine } = await openEngine(harness);
      await kill(engine, 'a', 'b');
      expect(await engine.deadLetters.remove(['a', 'a', 'c'])).toEqual(['a', 'a']);
      expect(await engine.get('a')).toBeUndefined();
      expect((await engine.stats()).dead).toBe(1);
    });

    it('go with retention, by age and by count', async () => {
      const { engine } = await openEngine(harness);
      await kill(engine, 'a', 'b');
      await harness.advance(600);
      await kill(engine, 'c', 'd', 'e');
      expect(await engine.sweep({ deadMaxAgeMs: 500 })).toMatchObject({ dead: 2 });
      expect(await engine.sweep({ deadMaxCount: 1 })).toMatchObject({ dead: 2 });
      expect((await collect(engine.deadLetters.list())).map(({ id }) => id)).toEqual(['e']);
      expect((await engine.stats()).dead).toBe(1);
    });
  });

  describe('cancel', () => {
    it('removes a waiting item at once', async () => {
      const { engine } = await openEngine(harness, { keepOutcomesMs: 60_000 });
      await engine.enqueue([...named('a', 'b'), { id: 'later', body: '', delayMs: 60_000 }]);
      expect(await engine.cancel('a')).toBe('cancelled');
      expect(await engine.cancel('later')).toBe('cancelled');
      expect(await engine.cancel('a')).toBe('not-found');
      expect(await engine.stats()).toMatchObject({ ready: { normal: 1 }, delayed: 0, cancelled: 2 });
      expect(await engine.outcome('a')).toMatchObject({ status: 'cancelled' });
      expect((await engine.receive({ max: 10 })).map(({ id }) => id)).toEqual(['b']);
    });

    it('leaves no place for an item of the same id to come up twice', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a', 'b'));
      await engine.cancel('a');
      await engine.enqueue(named('a'));
      expect((await engine.receive({ max: 10 })).map(({ id }) => id)).toEqual(['b', 'a']);
      expect(await engine.stats()).toMatchObject({ leased: 2, ready: { normal: 0 } });
    });

    it('lets a settlement that says complete win, and no other', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a', 'b', 'c', 'd'));
      const received = await engine.receive({ max: 4 });
      for (const { id } of received) expect(await engine.cancel(id)).toBe('cancelling');
      expect(await engine.get('a')).toMatchObject({ state: 'leased', cancelled: true });
      await received[0]!.settle({ type: 'complete' });
      await received[1]!.settle({ type: 'retry', delayMs: 0, error: 'x' });
      await received[2]!.settle({ type: 'release' });
      await received[3]!.settle({ type: 'dead', reason: 'x' });
      expect(await engine.stats()).toMatchObject({
        completed: 1,
        cancelled: 3,
        leased: 0,
        dead: 0,
        ready: { normal: 0 },
      });
    });

    it('ends an item whose holder never comes back', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 200 });
      await engine.enqueue(named('a'));
      await engine.receive();
      await engine.cancel('a');
      await harness.advance(250);
      expect(await engine.receive()).toEqual([]);
      expect(await engine.stats()).toMatchObject({ cancelled: 1, leased: 0, ready: { normal: 0 } });
    });

    it('leaves nothing of an item that fails after it was cancelled', async () => {
      const { engine, redis } = await openEngine(harness, { keepOutcomesMs: 0 });
      await engine.enqueue(named('a'));
      const [held] = await engine.receive();
      await engine.cancel('a');
      await held!.settle({ type: 'retry', delayMs: 0, error: 'x' });
      expect(await engine.stats()).toMatchObject({ cancelled: 1, failed: 1, leased: 0 });
      const { items } = createPartition(redis, 'queue', engine.name, 0);
      expect(await Promise.all(items.map((key) => redis.client.exists(key)))).toEqual(items.map(() => 0));
    });

    it('skips any number of cancelled items in one claim after another', async () => {
      const { engine } = await openEngine(harness);
      const ids = Array.from({ length: 1_300 }, (_, index) => `i${index}`);
      await engine.enqueue(named(...ids, 'last'));
      await engine.purge({ state: 'ready' });
      expect((await engine.stats()).ready.normal).toBe(0);
      await engine.enqueue(named('a'));
      expect((await engine.receive({ max: 5, waitMs: 5_000 })).map(({ id }) => id)).toEqual(['a']);
    });
  });

  describe('looking and steering', () => {
    it('shows an item wherever it is', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue([
        { id: 'ready', body: 'r', priority: 'high', expiresInMs: 60_000 },
        { id: 'delayed', body: 'd', delayMs: 60_000 },
      ]);
      expect(await engine.get('ready')).toMatchObject({
        state: 'ready',
        body: 'r',
        priority: 'high',
        deliveries: 0,
      });
      expect((await engine.get('ready'))!.expiresAt).toBeGreaterThan((await engine.get('ready'))!.enqueuedAt);
      expect(await engine.get('delayed')).toMatchObject({ state: 'delayed' });
      const [lease] = await engine.receive();
      const leased = await engine.get('ready');
      expect(leased).toMatchObject({ state: 'leased', deliveries: 1, fencingToken: lease!.fencingToken });
      expect(leased!.worker).toBeDefined();
      await lease!.settle({ type: 'complete', keepMs: 60_000 });
      expect(await engine.get('ready')).toMatchObject({ state: 'kept' });
      expect(await engine.get('nothing')).toBeUndefined();
    });

    it('lists every state in slices', async () => {
      const { engine } = await openEngine(harness, { maxDeliveries: 3 });
      const many = (prefix: string, count: number): string[] =>
        Array.from({ length: count }, (_, index) => `${prefix}${index}`);
      const later = many('later', 450);
      await engine.enqueue(later.map((id) => ({ id, body: '', delayMs: 60_000 })));
      await engine.enqueue(named(...many('r', 450)));
      await engine.enqueue([{ id: 'urgent', body: '', priority: 'critical' }]);
      await engine.cancel('r7');
      const ready = (await collect(engine.list({ state: 'ready' }))).map(({ id }) => id);
      expect(ready).toEqual(['urgent', ...many('r', 450).filter((id) => id !== 'r7')]);
      const delayed = (await collect(engine.list({ state: 'delayed' }))).map(({ id }) => id);
      expect(delayed.sort()).toEqual(later.sort());
      const received = await engine.receive({ max: 3 });
      expect((await collect(engine.list({ state: 'leased' }))).map(({ id }) => id)).toEqual([
        'urgent',
        'r0',
        'r1',
      ]);
      await received[0]!.settle({ type: 'complete', result: 'x', keepMs: 60_000 });
      expect((await collect(engine.list({ state: 'kept' }))).map(({ id }) => id)).toEqual(['urgent']);
    });

    it('lists large items in small slices, each once', async () => {
      const { engine, redis } = await openEngine(harness);
      const calls = vi.spyOn(redis, 'run');
      const body = 'x'.repeat(120_000);
      const ids = Array.from({ length: 8 }, (_, index) => `i${index}`);
      const runAt = redis.clock.now() + 3_600_000;
      await engine.enqueue(ids.map((id) => ({ id, body })));
      // All of one score: a slice goes on in the middle of it.
      await engine.enqueue(ids.map((id) => ({ id: `later ${id}`, body, runAt })));
      calls.mockClear();
      expect((await collect(engine.list({ state: 'ready' }))).map(({ id }) => id)).toEqual(ids);
      const delayed = (await collect(engine.list({ state: 'delayed' }))).map(({ id }) => id);
      expect(delayed.sort()).toEqual(ids.map((id) => `later ${id}`));
      const sizes = calls.mock.results.map(async ({ value }) =>
        ((await value) as ListSlice).items.reduce((sum, { record }) => sum + record.length, 0),
      );
      expect(Math.max(...(await Promise.all(sizes)))).toBeLessThan(5.5 * body.length);
    });

    it('counts the failures of dead items as well', async () => {
      const { engine, redis } = await openEngine(harness);
      const ids = Array.from({ length: 9 }, (_, index) => `i${index}`);
      const error = 'x'.repeat(120_000);
      await engine.enqueue(named(...ids));
      const received = await engine.receive({ max: 9 });
      await Promise.all(received.map((one) => one.settle({ type: 'dead', reason: 'y', error })));
      const calls = vi.spyOn(redis, 'run');
      const dead = await collect(engine.deadLetters.list());
      expect(dead.map(({ id, history }) => [id, history[0]?.error.length])).toEqual(
        ids.map((id) => [id, error.length]),
      );
      expect(calls).toHaveBeenCalledTimes(2);
    });

    it('hands nothing out while paused, and wakes everyone when resumed', async () => {
      const { engine } = await openEngine(harness);
      await engine.pause();
      const handled: string[] = [];
      const consumer = engine.consume({
        handle: ({ id }) => {
          handled.push(id);
          return Promise.resolve({ type: 'complete' });
        },
      });
      consumer.start();
      await engine.enqueue(named('a'));
      await harness.advance(200);
      expect(handled).toEqual([]);
      expect((await engine.stats()).paused).toBe(true);
      await engine.resume();
      await becomes(harness, () => expect(handled).toEqual(['a']), 2_000);
    });

    it('purges what is older, and nothing else', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue([...named('old'), { id: 'old delayed', body: '', delayMs: 60_000 }]);
      await harness.advance(500);
      await engine.enqueue([...named('new'), { id: 'new delayed', body: '', delayMs: 60_000 }]);
      expect(await engine.purge({ state: 'ready', olderThanMs: 400 })).toBe(1);
      expect(await engine.purge({ state: 'delayed', olderThanMs: 400 })).toBe(1);
      expect(await engine.stats()).toMatchObject({ ready: { normal: 1 }, delayed: 1 });
      expect(await engine.purge({ state: 'ready' })).toBe(1);
      expect(await engine.get('new delayed')).toBeDefined();
    });

    it('tells how long the oldest item has been ready', async () => {
      const { engine } = await openEngine(harness);
      expect((await engine.stats()).oldestReadyMs).toBeUndefined();
      await engine.enqueue(named('gone', 'a'));
      await harness.advance(300);
      await engine.enqueue([{ id: 'b', body: '', priority: 'high' }]);
      await engine.cancel('gone');
      const { oldestReadyMs } = await engine.stats();
      expect(oldestReadyMs).toBeGreaterThanOrEqual(290);
      expect(oldestReadyMs).toBeLessThan(5_000);
    });

    it('obliterates everything, and tokens still rise', async () => {
      const { engine, redis } = await openEngine(harness);
      await kill(engine, 'dead');
      await engine.enqueue([
        ...named('a', 'b'),
        { id: 'later', body: '', delayMs: 1_000, expiresInMs: 5_000 },
      ]);
      const [before] = await engine.receive();
      await engine.obliterate();
      expect(await redis.client.keys(`{${redis.prefix}queue:${engine.name}:*`)).toEqual([]);
      await harness.advance(2);
      await engine.enqueue(named('a'));
      const [after] = await engine.receive();
      expect(after!.fencingToken).toBeGreaterThan(before!.fencingToken);
      await expect(before!.settle({ type: 'complete' })).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect((await engine.stats()).leased).toBe(1);
    });

    it('finds items by id in any partition', async () => {
      const { engine } = await openEngine(harness, { partitions: 4 });
      const ids = Array.from({ length: 24 }, (_, index) => `i${index}`);
      // Routed by something that the id does not tell.
      await engine.enqueue(ids.map((id) => ({ id, body: id, routeBy: 'one customer' })));
      expect(
        new Set((await collect(engine.list({ state: 'ready' }))).map(({ partition }) => partition)).size,
      ).toBe(1);
      expect((await engine.get('i3'))!.body).toBe('i3');
      expect(await engine.cancel('i3')).toBe('cancelled');
      expect(await engine.outcome('i4')).toEqual({ status: 'pending' });
      for (const delivery of await engine.receive({ max: 5 })) {
        await delivery.settle({ type: 'dead', reason: 'x' });
      }
      const dead = (await collect(engine.deadLetters.list())).map(({ id }) => id);
      expect(dead).toHaveLength(5);
      expect(await engine.deadLetters.redrive(dead)).toEqual(dead);
      expect((await engine.stats()).ready.normal).toBe(23);
    });

    it('makes ids that lie where they are routed', async () => {
      const { engine } = await openEngine(harness, { partitions: 5 });
      const items = ['x', 'y', 'z'].map((customer) => ({
        id: engine.createId(customer),
        body: '',
        routeBy: customer,
      }));
      await engine.enqueue(items);
      const byId = await openEngine(harness, { partitions: 5, name: engine.name });
      const found = await Promise.all(items.map(({ id }) => byId.engine.get(id)));
      const routed = await Promise.all(items.map(({ id }) => engine.get(id)));
      expect(found.map((item) => item!.partition)).toEqual(routed.map((item) => item!.partition));
      expect(new Set(items.map(({ id }) => id)).size).toBe(3);
    });

    it('refuses another number of partitions than the first user chose', async () => {
      const { engine } = await openEngine(harness, { partitions: 2 });
      const other = await openEngine(harness, { partitions: 3, name: engine.name });
      await engine.enqueue(named('a', 'b', 'c', 'd', 'e', 'f'));
      await expect(other.engine.enqueue(named('z', 'y', 'x', 'w', 'v'))).rejects.toMatchObject({
        code: 'CONFIGURATION',
        path: 'options.partitions',
      });
    });

    it('refuses a layout that a later release has raised, and writes nothing', async () => {
      const { engine, redis } = await openEngine(harness);
      await engine.enqueue(named('a'));
      await engine.receive();
      const key = redis.keyspace('queue', engine.name, 0).key('meta');
      const raise = `
        local numbers = redis.call('HGET', KEYS[1], 'numbers')
        return redis.call('HSET', KEYS[1], 'numbers', '2' .. string.sub(numbers, 2))`;
      await redis.client.eval(raise, 1, key);
      const before = await engine.stats();
      const tooNew = { code: 'LAYOUT_TOO_NEW', found: 2, known: 1 };
      await expect(engine.enqueue(named('b'))).rejects.toMatchObject(tooNew);
      await expect(engine.receive()).rejects.toMatchObject(tooNew);
      await expect(engine.cancel('a')).rejects.toMatchObject(tooNew);
      await expect(engine.pause()).rejects.toMatchObject(tooNew);
      await expect(engine.deadLetters.redrive(['a'])).rejects.toMatchObject(tooNew);
      await expect(engine.deadLetters.remove(['a'])).rejects.toMatchObject(tooNew);
      await expect(engine.sweep()).rejects.toMatchObject(tooNew);
      expect({ ...(await engine.stats()), oldestReadyMs: 0 }).toEqual({ ...before, oldestReadyMs: 0 });
    });

    it('reads nothing more once it is closed', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      await engine.close();
      const closed = { code: 'CLOSED' };
      await expect(engine.get('a')).rejects.toMatchObject(closed);
      await expect(collect(engine.list({ state: 'ready' }))).rejects.toMatchObject(closed);
      await expect(engine.deadLetters.get('a')).rejects.toMatchObject(closed);
      await expect(collect(engine.deadLetters.list())).rejects.toMatchObject(closed);
    });

    it('is up while it works', async () => {
      const { engine } = await openEngine(harness);
      const consumer = engine.consume({ handle: () => Promise.resolve({ type: 'complete' }) });
      consumer.start();
      await becomes(harness, async () => expect((await engine.health()).status).toBe('up'));
    });
  });
}
