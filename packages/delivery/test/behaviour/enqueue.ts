import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { Priority } from '../../src/item.ts';
import { collect, named, openEngine } from './open-engine.ts';

export function enqueueBehaviour(harness: BehaviourHarness): void {
  describe('enqueue', () => {
    it('hands items out in the order they came', async () => {
      const { engine } = await openEngine(harness);
      const results = await engine.enqueue(named('a', 'b', 'c'));
      expect(results.map(({ id, status }) => [id, status])).toEqual([
        ['a', 'added'],
        ['b', 'added'],
        ['c', 'added'],
      ]);
      const received = await engine.receive({ max: 10 });
      expect(received.map(({ id, body }) => [id, body])).toEqual([
        ['a', 'body of a'],
        ['b', 'body of b'],
        ['c', 'body of c'],
      ]);
    });

    it('keeps bodies byte for byte', async () => {
      const { engine } = await openEngine(harness);
      const bodies = ['', ' ', '1', 'a b\nc\0d', 'Grüße 😀 漢字', '{"x":" - "}', '=', 'x'.repeat(70_000)];
      await engine.enqueue(bodies.map((body, index) => ({ id: `item ${index}`, body })));
      const received = await engine.receive({ max: 10 });
      expect(received.map(({ body }) => body)).toEqual(bodies);
    });

    it('knows an id as long as its item is there, and takes it again afterwards', async () => {
      const { engine } = await openEngine(harness);
      const statuses = async (...ids: string[]): Promise<string[]> =>
        (await engine.enqueue(named(...ids))).map(({ status }) => status);
      expect(await statuses('a', 'a', 'b')).toEqual(['added', 'duplicate', 'added']);
      const [a, b] = await engine.receive({ max: 2 });
      expect(await statuses('a')).toEqual(['duplicate']);
      await a!.settle({ type: 'complete' });
      await b!.settle({ type: 'complete', result: 'done', keepMs: 1_000 });
      expect(await statuses('a', 'b')).toEqual(['added', 'duplicate']);
      await harness.advance(1_050);
      expect(await statuses('b')).toEqual(['added']);
    });

    it('answers each caller of one tick by itself', async () => {
      const { engine } = await openEngine(harness);
      const [first, second] = await Promise.all([
        engine.enqueue(named('a', 'b')),
        engine.enqueue(named('b', 'c')),
      ]);
      expect(first.map(({ status }) => status)).toEqual(['added', 'added']);
      expect(second.map(({ status }) => status)).toEqual(['duplicate', 'added']);
    });

    it('adds more than fits into one call', async () => {
      const { engine } = await openEngine(harness);
      const items = Array.from({ length: 2_500 }, (_, index) => ({ id: `i${index}`, body: '' }));
      const results = await engine.enqueue(items);
      expect(results.every(({ status }) => status === 'added')).toBe(true);
      expect((await engine.stats()).ready.normal).toBe(2_500);
    });

    it('keeps the order of calls, also when the first does not fit into one slice', async () => {
      const { engine } = await openEngine(harness);
      const many = Array.from({ length: 1_200 }, (_, index) => `i${index}`);
      const first = engine.enqueue(named(...many));
      // The first slice is on its way by then, the second is not.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([first, engine.enqueue(named('last'))]);
      const ready = (await collect(engine.list({ state: 'ready' }))).map(({ id }) => id);
      expect(ready).toEqual([...many, 'last']);
    });

    it('adds nothing when there is nothing to add', async () => {
      const { engine } = await openEngine(harness);
      expect(await engine.enqueue([])).toEqual([]);
    });

    it('hands nothing out before its time', async () => {
      const { engine, redis } = await openEngine(harness);
      const runAt = Math.ceil(await redis.time()) + 400;
      await engine.enqueue([
        { id: 'in a while', body: '', delayMs: 400 },
        { id: 'at', body: '', runAt },
        { id: 'past', body: '', runAt: 1_000 },
      ]);
      expect((await engine.receive({ max: 10 })).map(({ id }) => id)).toEqual(['past']);
      expect(await engine.stats()).toMatchObject({ delayed: 2, leased: 1 });
      await harness.advance(500);
      expect((await engine.receive({ max: 10 })).map(({ id }) => id).sort()).toEqual(['at', 'in a while']);
    });

    it('refuses what exceeds maxPending, item by item', async () => {
      const { engine } = await openEngine(harness, { maxPending: 3 });
      await engine.enqueue([{ id: 'later', body: '', delayMs: 60_000 }]);
      const results = await engine.enqueue(named('a', 'b', 'c', 'd'));
      expect(results.map(({ status }) => status)).toEqual(['added', 'added', 'full', 'full']);
      await engine.receive();
      expect((await engine.enqueue(named('c', 'd'))).map(({ status }) => status)).toEqual(['added', 'full']);
    });

    it('drops an item that was not claimed in time', async () => {
      const { engine } = await openEngine(harness, { keepOutcomesMs: 60_000 });
      await engine.enqueue([
        { id: 'waiting', body: '', expiresInMs: 200 },
        { id: 'delayed', body: '', delayMs: 150, expiresInMs: 200 },
        { id: 'fine', body: '' },
      ]);
      await harness.advance(300);
      expect((await engine.receive({ max: 10 })).map(({ id }) => id)).toEqual(['fine']);
      expect(await engine.stats()).toMatchObject({ expired: 2, delayed: 0, ready: { normal: 0 } });
      expect(await engine.outcome('waiting')).toMatchObject({ status: 'expired' });
    });

    it('does not apply an expiry to the next item of the same id', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue([{ id: 'a', body: 'first', expiresInMs: 200 }]);
      await (await engine.receive())[0]!.settle({ type: 'complete' });
      await engine.enqueue([{ id: 'a', body: 'second' }]);
      await harness.advance(300);
      await engine.sweep();
      expect((await engine.receive()).map(({ body }) => body)).toEqual(['second']);
    });

    it('refuses what Redis must not see', async () => {
      const { engine } = await openEngine(harness);
      for (const item of [
        { id: '', body: '' },
        { id: 'a\nb', body: '' },
        { id: '{a}', body: '' },
        { id: 'a', body: '', delayMs: -1 },
        { id: 'a', body: '', delayMs: NaN },
        { id: 'a', body: '', delayMs: 1, runAt: 1 },
        { id: 'a', body: '', expiresInMs: 0 },
        { id: 'a', body: '', visibilityMs: 1 },
      ]) {
        await expect(engine.enqueue([item])).rejects.toMatchObject({ code: 'CONFIGURATION' });
      }
      expect((await engine.stats()).enqueued).toBe(0);
    });
  });

  describe('priorities', () => {
    it('serves urgent items first, whatever waits before them', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(Array.from({ length: 2_000 }, (_, index) => ({ id: `n${index}`, body: '' })));
      await engine.enqueue([
        { id: 'l', body: '', priority: 'low' },
        { id: 'h', body: '', priority: 'high' },
        { id: 'c', body: '', priority: 'critical' },
      ]);
      expect((await engine.receive({ max: 3 })).map(({ id, priority }) => [id, priority])).toEqual([
        ['c', 'critical'],
        ['h', 'high'],
        ['n0', 'normal'],
      ]);
    });

    it('gives one claim in sixteen to the oldest of the lower levels', async () => {
      const { engine } = await openEngine(harness);
      await fill(['low', 'normal'], 3);
      await fill(['high'], 60);
      const order: string[] = [];
      for (let claimed = 0; claimed < 48; claimed += 1) order.push((await engine.receive())[0]!.id);
      const lower = order.filter((id) => !id.startsWith('high'));
      expect(lower).toEqual(['low0', 'normal0', 'low1']);
      // However claims are batched.
      expect((await engine.receive({ max: 16 })).filter(({ priority }) => priority !== 'high')).toHaveLength(
        1,
      );

      async function fill(levels: Priority[], count: number): Promise<void> {
        for (let index = 0; index < count; index += 1) {
          await engine.enqueue(levels.map((priority) => ({ id: `${priority}${index}`, body: '', priority })));
        }
      }
    });

    it('is strict without a share', async () => {
      const { engine } = await openEngine(harness, { lowerShare: 0 });
      await engine.enqueue([
        { id: 'low', body: '', priority: 'low' },
        ...Array.from({ length: 40 }, (_, index) => ({ id: `n${index}`, body: '' })),
      ]);
      const received = await engine.receive({ max: 40 });
      expect(received.map(({ priority }) => priority)).not.toContain('low');
    });
  });
}
