import type { BehaviourHarness } from '@lockstep/testing';
import { createQueue, task } from '@lockstep/task-queue';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { collect, connected, ended, openBench, until } from './kit.ts';

export function enqueueBehaviour(harness: BehaviourHarness): void {
  describe('enqueue', () => {
    test('hands the task to a handler and gives its output as the result', async () => {
      const { queue, work } = await openBench(harness);
      const { id, duplicate } = await queue.enqueue('add', { a: 2, b: 3 });
      expect(duplicate).toBe(false);
      await work();
      expect(await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })))).toEqual({
        status: 'completed',
        output: 5,
      });
    });

    test('parses the input once, at the handler: transforms, defaults and coercions apply there', async () => {
      const redis = await connected(harness);
      const seen: unknown[] = [];
      const input = z.object({
        when: z.string().transform((text) => `<${text}>`),
        copies: z.number().default(2),
        count: z.coerce.number(),
        checked: z.string().refine((text) => Promise.resolve(text === 'ok')),
      });
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks: { t: task({ input }) } });
      await queue.enqueue('t', { when: 'now', count: '7', checked: 'ok' });
      const worker = queue.worker({ handlers: { t: (data) => void seen.push(data) } });
      await worker.start();
      await until(harness, () =>
        expect(seen).toEqual([{ when: '<now>', copies: 2, count: 7, checked: 'ok' }]),
      );
      await worker.stop();
    });

    test('refuses a payload that its schema refuses, and adds nothing', async () => {
      const { queue } = await openBench(harness);
      const wrong = { a: 'two', b: 3 } as unknown as { a: number; b: number };
      await expect(queue.enqueue('add', wrong)).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
      const entries = [
        { name: 'note', input: { text: 'fine' } },
        { name: 'add', input: wrong },
      ] as const;
      await expect(queue.enqueueMany(entries)).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
      expect((await queue.stats()).ready.normal).toBe(0);
    });

    test('refuses a schema that cannot survive the codec at its first use', async () => {
      const redis = await connected(harness);
      const tasks = { t: task({ input: z.object({ at: z.date() }) }) };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      await expect(queue.enqueue('t', { at: new Date(0) })).rejects.toMatchObject({ code: 'CONFIGURATION' });
    });

    test('refuses a payload above maxPayloadBytes', async () => {
      const { queue } = await openBench(harness, { maxPayloadBytes: 100 });
      await queue.enqueue('note', { text: 'x'.repeat(80) });
      await expect(queue.enqueue('note', { text: 'x'.repeat(100) })).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
        maxBytes: 100,
      });
    });

    test('adds a task of an id that is there already no second time', async () => {
      const { queue } = await openBench(harness);
      const first = await queue.enqueue('note', { text: 'one' }, { id: 'mine' });
      const second = await queue.enqueue('note', { text: 'two' }, { id: 'mine' });
      expect(first).toEqual({ id: 'mine', duplicate: false });
      expect(second).toEqual({ id: 'mine', duplicate: true });
      expect(await queue.get('mine')).toMatchObject({ input: { text: 'one' }, state: 'ready' });
    });

    test('adds many in order, tells duplicates among them, and takes none at all', async () => {
      const { queue } = await openBench(harness);
      expect(await queue.enqueueMany([])).toEqual([]);
      const results = await queue.enqueueMany([
        { name: 'note', input: { text: '1' }, id: 'a' },
        { name: 'add', input: { a: 1, b: 1 } },
        { name: 'note', input: { text: '3' }, id: 'a' },
      ]);
      expect(results.map(({ duplicate }) => duplicate)).toEqual([false, false, true]);
      expect((await queue.stats()).ready.normal).toBe(2);
    });

    test('adds more in one call than fit into one slice', async () => {
      const { queue } = await openBench(harness);
      const count = harness.real ? 2_500 : 250;
      const entries = Array.from({ length: count }, (_, n) => ({
        name: 'note' as const,
        input: { text: `${n}` },
      }));
      const results = await queue.enqueueMany(entries);
      expect(new Set(results.map(({ id }) => id)).size).toBe(count);
      expect((await queue.stats()).ready.normal).toBe(count);
    });

    test('runs tasks of one level in the order in which they were enqueued, without awaiting each', async () => {
      const { queue, work } = await openBench(harness);
      const order: string[] = [];
      await Promise.all(['1', '2', '3', '4'].map((text) => queue.enqueue('note', { text })));
      await work({ note: ({ text }) => void order.push(text) }, { concurrency: 1 });
      await until(harness, () => expect(order).toEqual(['1', '2', '3', '4']));
    });

    test('runs higher levels first', async () => {
      const { queue, work } = await openBench(harness);
      const order: string[] = [];
      for (const priority of ['low', 'normal', 'high', 'critical'] as const) {
        await queue.enqueue('note', { text: priority }, { priority });
      }
      await work({ note: ({ text }) => void order.push(text) }, { concurrency: 1 });
      await until(harness, () => expect(order).toEqual(['critical', 'high', 'normal', 'low']));
    });

    test('does not run a delayed task early', async () => {
      const { queue, work } = await openBench(harness);
      const ran: number[] = [];
      const start = harness.clock.now();
      await queue.enqueue('note', { text: 'later' }, { delayMs: 400 });
      await work({ note: () => void ran.push(harness.clock.now()) });
      expect((await queue.stats()).delayed).toBe(1);
      await harness.advance(200);
      expect(ran).toEqual([]);
      await until(harness, () => expect(ran).toHaveLength(1));
      expect(ran[0]! - start).toBeGreaterThanOrEqual(399);
    });

    test('does not run a task before the moment of runAt, given as a Date or as a number', async () => {
      const { queue, redis, work } = await openBench(harness);
      const ran: string[] = [];
      const due = Math.ceil(await redis.time()) + 400;
      await queue.enqueue('note', { text: 'date' }, { runAt: new Date(due) });
      await queue.enqueue('note', { text: 'number' }, { runAt: due });
      await work({ note: ({ text }) => void ran.push(text) });
      await harness.advance(200);
      expect(ran).toEqual([]);
      await until(harness, () => expect(ran.toSorted()).toEqual(['date', 'number']));
      expect(await redis.time()).toBeGreaterThanOrEqual(due);
    });

    test('does not run a task that expired while it waited, and says so', async () => {
      const { queue, work } = await openBench(harness);
      let runs = 0;
      const { id } = await queue.enqueue('note', { text: 'stale' }, { expiresInMs: 100 });
      await harness.advance(150);
      await work({ note: () => void (runs += 1) });
      const fresh = await queue.enqueue('add', { a: 1, b: 1 });
      await until(harness, () => ended(queue.result(fresh.id, { timeoutMs: 0 })));
      expect(runs).toBe(0);
      expect(await queue.result(id, { timeoutMs: 0 })).toEqual({
        status: 'expired',
        error: { reason: 'expired' },
      });
    });

    test('hands the trace context to the handler, and shows it in get and list', async () => {
      const { queue, work } = await openBench(harness);
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const seen: unknown[] = [];
      const { id } = await queue.enqueue('note', { text: 'traced' }, { traceparent, priority: 'low' });
      expect(await queue.get(id)).toMatchObject({ traceparent, name: 'note', input: { text: 'traced' } });
      const listed = await collect(queue.list({ state: 'ready' }));
      expect(listed).toMatchObject([{ id, traceparent, priority: 'low', attempts: 0 }]);
      await work({ note: (_, context) => void seen.push(context.traceparent) });
      await until(harness, () => expect(seen).toEqual([traceparent]));
    });
  });
}
