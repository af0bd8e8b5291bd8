import { sleep } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { createQueue, task } from '@lockstep/task-queue';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { collect, connected, during, ended, openBench, tasks, until } from './kit.ts';

export function adminBehaviour(harness: BehaviourHarness): void {
  describe('result', () => {
    test('waits for the task to end and is woken when it does', async () => {
      const { again, queue, work } = await openBench(harness);
      const other = await again();
      const { id } = await other.queue.enqueue('add', { a: 20, b: 22 });
      const waiting = other.queue.result(id, { timeoutMs: 60_000 });
      await harness.advance(200);
      const start = harness.clock.now();
      await work();
      expect(await during(harness, waiting)).toEqual({ status: 'completed', output: 42 });
      expect(harness.clock.now() - start).toBeLessThan(harness.real ? 3_000 : 1_000);
      expect((await queue.stats()).completed).toBe(1);
    });

    test('hears of a task without output that ends while it waits', async () => {
      const { queue, work } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      const waiting = queue.result(id, { timeoutMs: 5_000 });
      await harness.advance(100);
      await work();
      expect(await during(harness, waiting)).toEqual({ status: 'completed', output: undefined });
      expect(await queue.result('nobody', { timeoutMs: 0 })).toEqual({ status: 'unknown' });
    });

    test('always ends: pending when the time is up, rejected with the reason of its signal', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('add', { a: 1, b: 1 });
      expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'pending' });
      expect(await during(harness, queue.result(id, { timeoutMs: 150 }))).toEqual({ status: 'pending' });
      const controller = new AbortController();
      const waiting = queue.result(id, { signal: controller.signal });
      const reason = new Error('enough');
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    });

    test('may be asked by many at once, for tasks that are over and for tasks to come', async () => {
      const { queue, work } = await openBench(harness);
      const enqueued = await queue.enqueueMany(
        [1, 2, 3, 4, 5].map((n) => ({ name: 'add' as const, input: { a: n, b: n } })),
      );
      const waiting = Promise.all(enqueued.flatMap(({ id }) => [queue.result(id), queue.result(id)]));
      await work();
      const outcomes = await during(harness, waiting);
      expect(outcomes.map((outcome) => (outcome.status === 'completed' ? outcome.output : outcome))).toEqual([
        2, 2, 4, 4, 6, 6, 8, 8, 10, 10,
      ]);
    });
  });

  describe('administration', () => {
    test('cancels a waiting and a delayed task: they never run', async () => {
      const { queue, work } = await openBench(harness);
      let runs = 0;
      const waiting = await queue.enqueue('note', { text: '1' });
      const delayed = await queue.enqueue('note', { text: '2' }, { delayMs: 100 });
      expect(await queue.cancel(waiting.id)).toBe('cancelled');
      expect(await queue.cancel(delayed.id)).toBe('cancelled');
      expect(await queue.cancel(delayed.id)).toBe('not-found');
      expect(await queue.cancel('nobody')).toBe('not-found');
      await work({ note: () => void (runs += 1) });
      await harness.advance(300);
      expect(runs).toBe(0);
      expect(await queue.result(waiting.id)).toEqual({ status: 'cancelled', error: { reason: 'cancelled' } });
      expect(await queue.stats()).toMatchObject({ cancelled: 2, delayed: 0, ready: { normal: 0 } });
    });

    test('pauses handing out in every process, and resumes', async () => {
      const { again, queue, work } = await openBench(harness);
      const seen: string[] = [];
      await work({ note: ({ text }) => void seen.push(text) });
      const other = await again();
      await other.queue.pause();
      await queue.enqueue('note', { text: '1' });
      await harness.advance(300);
      expect(seen).toEqual([]);
      expect(await queue.stats()).toMatchObject({ paused: true, ready: { normal: 1 } });
      await other.queue.resume();
      const start = harness.clock.now();
      await until(harness, () => expect(seen).toEqual(['1']));
      expect(harness.clock.now() - start).toBeLessThan(1_000);
      expect((await queue.stats()).paused).toBe(false);
    });

    test('counts what is where, exactly', async () => {
      const { queue } = await openBench(harness);
      await queue.enqueue('note', { text: '1' }, { priority: 'high' });
      await queue.enqueue('note', { text: '2' });
      await queue.enqueue('note', { text: '3' }, { delayMs: 60_000 });
      await queue.enqueue('note', { text: '4' });
      const [lease] = await queue.receive();
      await harness.advance(100);
      expect(await queue.stats()).toMatchObject({
        ready: { critical: 0, high: 0, normal: 2, low: 0 },
        delayed: 1,
        leased: 1,
        parked: 0,
        dead: 0,
        enqueued: 4,
        completed: 0,
      });
      expect((await queue.stats()).oldestReadyMs).toBeGreaterThanOrEqual(90);
      if (lease?.name === 'note') await lease.complete();
      expect(await queue.stats()).toMatchObject({ leased: 0, completed: 1 });
    });

    test('measures what this process runs: waits, runs and tasks per second', async () => {
      const { queue, redis, work } = await openBench(harness);
      expect((await queue.stats()).local.waitMs.p50).toBeUndefined();
      await queue.enqueue('note', { text: 'now' });
      await queue.enqueue('note', { text: 'later' }, { delayMs: 1_200 });
      await queue.enqueue('note', { text: 'then' }, { runAt: Math.ceil(await redis.time()) + 1_200 });
      await harness.advance(800);
      await work({ note: () => sleep(harness.clock, 50) });
      await until(harness, async () => expect((await queue.stats()).completed).toBe(3));
      const { throughput, waitMs, runMs } = (await queue.stats()).local;
      expect(throughput).toBeGreaterThan(0);
      expect(waitMs.p99).toBeGreaterThanOrEqual(790);
      // A delay is not a wait, whichever way it was asked for.
      expect(waitMs.p50).toBeLessThan(790);
      expect(runMs.p50).toBeGreaterThanOrEqual(49);
    });

    test('lists the tasks of a state', async () => {
      const { queue } = await openBench(harness);
      await queue.enqueue('note', { text: 'now' });
      await queue.enqueue('note', { text: 'later' }, { delayMs: 60_000 });
      const inputs = async (state: 'ready' | 'delayed' | 'leased'): Promise<unknown[]> =>
        (await collect(queue.list({ state }))).map(({ input }) => input);
      expect(await inputs('ready')).toEqual([{ text: 'now' }]);
      expect(await inputs('delayed')).toEqual([{ text: 'later' }]);
      await queue.receive();
      expect(await inputs('leased')).toEqual([{ text: 'now' }]);
      expect(await inputs('ready')).toEqual([]);
    });

    test('obliterates everything', async () => {
      const { queue } = await openBench(harness);
      await queue.enqueue('note', { text: '1' });
      await queue.enqueue('note', { text: '2' }, { delayMs: 1_000 });
      await queue.obliterate();
      expect(await queue.stats()).toMatchObject({ ready: { normal: 0 }, delayed: 0, enqueued: 0 });
      expect(await queue.receive()).toEqual([]);
      expect((await queue.enqueue('note', { text: '3' })).duplicate).toBe(false);
      expect(await queue.receive()).toMatchObject([{ input: { text: '3' } }]);
    });

    test('shows nothing of a queue of the same name under another prefix', async () => {
      const { queue, redis } = await openBench(harness);
      const elsewhere = await harness.connect({ prefix: `other-${redis.id}:` });
      const other = createQueue({ redis: elsewhere, name: queue.name, tasks });
      await queue.enqueue('note', { text: 'mine' });
      expect((await other.stats()).ready.normal).toBe(0);
      expect(await other.receive()).toEqual([]);
      expect(await collect(other.list({ state: 'ready' }))).toEqual([]);
      await elsewhere.close();
    });

    test('closes with its connection: workers stop, leases go back, later calls are refused', async () => {
      const { again, queue, redis, work } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      await work({
        note: (_, { signal }) => new Promise((_done, fail) => signal.addEventListener('abort', fail)),
      });
      await until(harness, async () => expect((await queue.stats()).leased).toBe(1));
      const other = await again();
      await during(harness, redis.close({ drainMs: 20, abortMs: 500 }));
      expect(await other.queue.get(id)).toMatchObject({ state: 'ready', attempts: 0, deliveries: 0 });
      await expect(queue.enqueue('note', { text: 'late' })).rejects.toMatchObject({ code: 'CLOSED' });
    });

    test('reports health and closes twice', async () => {
      const redis = await connected(harness);
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      expect((await queue.health()).status).toBe('up');
      const [first, second] = await during(harness, Promise.all([queue.close(), queue.close()]));
      expect(second).toEqual(first);
      await expect(queue.enqueue('note', { text: 'late' })).rejects.toMatchObject({ code: 'CLOSED' });
      await expect(queue.receive()).rejects.toMatchObject({ code: 'CLOSED' });
    });
  });

  describe('recovery', () => {
    test('takes as long as the visibility time-out of the task', async () => {
      const redis = await connected(harness);
      const long = task({ input: z.string(), visibilityTimeoutMs: 5_000 });
      const short = task({ input: z.string(), visibilityTimeoutMs: 300 });
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks: { long, short } });
      await queue.enqueueMany([
        { name: 'long', input: 'x' },
        { name: 'short', input: 'y' },
      ]);
      const leases = await queue.receive({ max: 2 });
      expect(leases.map(({ expiresAt }) => expiresAt > harness.clock.now() + 1_000)).toEqual([true, false]);
      expect(await during(harness, queue.receive({ max: 2, waitMs: 1_500 }))).toMatchObject([
        { name: 'short' },
      ]);
    });

    test('hands a task out again when its holder is not heard of, and counts the deliveries', async () => {
      const { again, queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      await queue.receive({ visibilityTimeoutMs: 150 });
      const other = await again();
      const seen: { attempt: number; delivery: number }[] = [];
      const worker = other.queue.worker({
        handlers: { add: () => 0, note: (_, { attempt, delivery }) => void seen.push({ attempt, delivery }) },
      });
      await worker.start();
      await until(harness, () => expect(seen).toEqual([{ attempt: 1, delivery: 2 }]));
      expect(await queue.stats()).toMatchObject({ reclaimed: 1, failed: 0 });
      expect(await queue.get(id)).toBeUndefined();
    });

    test('ends a task that no holder survives as a dead letter after maxDeliveries', async () => {
      const { queue } = await openBench(harness, { maxDeliveries: 2 });
      const { id } = await queue.enqueue('note', { text: 'x' });
      for (let delivery = 1; delivery <= 2; delivery += 1) {
        const taken = await during(harness, queue.receive({ visibilityTimeoutMs: 100, waitMs: 3_000 }));
        expect(taken).toMatchObject([{ delivery }]);
      }
      await harness.advance(150);
      expect(await during(harness, queue.receive({ waitMs: 200 }))).toEqual([]);
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toEqual({ status: 'dead', error: { reason: 'max-deliveries' } });
    });
  });
}
