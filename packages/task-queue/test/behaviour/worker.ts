import { sleep } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { createQueue, task } from '@lockstep/task-queue';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aborted, connected, during, ended, gate, openBench, silent, until } from './kit.ts';

export function workerBehaviour(harness: BehaviourHarness): void {
  describe('worker', () => {
    test('gives the handler its task: id, attempt, delivery, priority, token and a lease', async () => {
      const { queue, redis, work } = await openBench(harness);
      const before = Math.floor(await redis.time());
      const { id } = await queue.enqueue('note', { text: 'x' }, { priority: 'high' });
      const seen: Record<string, unknown>[] = [];
      await work({
        note: (_, context) => {
          const { name, attempt, delivery, priority, fencingToken, enqueuedAt } = context;
          const valid = context.isValid() && context.expiresAt > harness.clock.now();
          seen.push({ id: context.id, name, attempt, delivery, priority, valid, fencingToken, enqueuedAt });
        },
      });
      await until(harness, () => expect(seen).toHaveLength(1));
      expect(seen[0]).toMatchObject({
        id,
        name: 'note',
        attempt: 1,
        delivery: 1,
        priority: 'high',
        valid: true,
      });
      expect(seen[0]!['fencingToken']).toBeGreaterThan(0);
      expect(seen[0]!['enqueuedAt']).toBeGreaterThanOrEqual(before);
    });

    test('runs as many tasks at once as its concurrency, and no more', async () => {
      const { queue, work } = await openBench(harness);
      const door = gate();
      let running = 0;
      let most = 0;
      let done = 0;
      await queue.enqueueMany(
        Array.from({ length: 9 }, () => ({ name: 'note' as const, input: { text: '' } })),
      );
      const note = async (): Promise<void> => {
        running += 1;
        most = Math.max(most, running);
        await door.opened;
        running -= 1;
        done += 1;
      };
      await work({ note }, { concurrency: 3 });
      await until(harness, () => expect(running).toBe(3));
      await harness.advance(100);
      expect(most).toBe(3);
      door.open();
      await until(harness, () => expect(done).toBe(9));
      expect(most).toBe(3);
    });

    test('claims nothing before start and nothing after stop; both may be repeated in any order', async () => {
      const { queue } = await openBench(harness);
      const seen: string[] = [];
      const worker = queue.worker({ handlers: { add: () => 0, note: ({ text }) => void seen.push(text) } });
      await worker.stop();
      await queue.enqueue('note', { text: '1' });
      await harness.advance(100);
      expect(seen).toEqual([]);
      await worker.start();
      await worker.start();
      await until(harness, () => expect(seen).toEqual(['1']));
      await during(harness, Promise.all([worker.stop(), worker.stop()]));
      await queue.enqueue('note', { text: '2' });
      await harness.advance(100);
      expect(seen).toEqual(['1']);
      await worker.start();
      await until(harness, () => expect(seen).toEqual(['1', '2']));
    });

    test('wakes for a task enqueued by another process without waiting for a poll', async () => {
      const { again, queue, work } = await openBench(harness);
      const seen: number[] = [];
      await work({ note: () => void seen.push(harness.clock.now()) });
      await harness.advance(300);
      const other = await again();
      await other.queue.enqueue('note', { text: 'wake' });
      const start = harness.clock.now();
      await until(harness, () => expect(seen).toHaveLength(1));
      // The slow poll behind the doorbell comes after seconds.
      expect(seen[0]! - start).toBeLessThan(harness.real ? 1_500 : 500);
      expect((await queue.stats()).ready.normal).toBe(0);
    });

    test('renews the lease of a handler that takes longer than the visibility time-out', async () => {
      const { again, queue, work } = await openBench(harness);
      let runs = 0;
      const { id } = await queue.enqueue('add', { a: 1, b: 1 });
      const add = async (): Promise<number> => {
        runs += 1;
        await sleep(harness.clock, 1_500);
        return 2;
      };
      await work({ add });
      const other = await again();
      const second = other.queue.worker({ handlers: { add, note: () => undefined } });
      await second.start();
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toMatchObject({ status: 'completed', output: 2 });
      expect(runs).toBe(1);
      expect((await queue.stats()).reclaimed).toBe(0);
    });

    test('aborts the signal of a handler that runs past timeoutMs and counts a failed attempt', async () => {
      const redis = await connected(harness);
      const tasks = {
        slow: task({
          input: z.string(),
          timeoutMs: 150,
          maxAttempts: 2,
          backoff: { type: 'fixed', delayMs: 10 },
          visibilityTimeoutMs: 600,
        }),
      };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      const reasons: unknown[] = [];
      const worker = queue.worker({
        handlers: { slow: async (_, { signal }) => void reasons.push(await aborted(signal)) },
      });
      const { id } = await queue.enqueue('slow', 'x');
      await worker.start();
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toMatchObject({ status: 'dead', error: { reason: 'attempts' } });
      expect(reasons).toMatchObject([{ code: 'TASK_TIMEOUT', timeoutMs: 150 }, { code: 'TASK_TIMEOUT' }]);
      expect((await queue.deadLetters.get(id))?.history.map(({ code }) => code)).toEqual([
        'TASK_TIMEOUT',
        'TASK_TIMEOUT',
      ]);
    });

    test('goes on with other tasks while a handler hangs past its time-out, and says so in health', async () => {
      const redis = await connected(harness);
      const tasks = {
        hang: task({ input: z.string(), timeoutMs: 100, maxAttempts: 1, visibilityTimeoutMs: 600 }),
        quick: task({ input: z.string() }),
      };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      const door = gate();
      const seen: string[] = [];
      const worker = queue.worker({
        handlers: { hang: () => door.opened, quick: (text) => void seen.push(text) },
        concurrency: 1,
      });
      await queue.enqueue('hang', 'x');
      await queue.enqueue('quick', 'y');
      await worker.start();
      await until(harness, () => expect(seen).toEqual(['y']));
      expect(await worker.health()).toMatchObject({ status: 'degraded' });
      expect(worker.stats().overdue).toBe(1);
      door.open();
      await until(harness, () => expect(worker.stats().overdue).toBe(0));
      expect(await worker.health()).toMatchObject({ status: 'up' });
    });

    test('is told of a cancellation while it runs: the task is cancelled and not retried', async () => {
      const { again, queue, work } = await openBench(harness);
      const reasons: unknown[] = [];
      let runs = 0;
      const { id } = await queue.enqueue('note', { text: 'x' });
      await work({
        note: async (_, { signal }) => {
          runs += 1;
          reasons.push(await aborted(signal));
          signal.throwIfAborted();
        },
      });
      await until(harness, () => expect(runs).toBe(1));
      const other = await again();
      expect(await other.queue.cancel(id)).toBe('cancelling');
      await until(harness, () => expect(reasons).toMatchObject([{ code: 'TASK_CANCELLED' }]));
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toEqual({ status: 'cancelled', error: { reason: 'cancelled' } });
      await harness.advance(300);
      expect(runs).toBe(1);
      expect(await queue.stats()).toMatchObject({ cancelled: 1, failed: 0, dead: 0 });
    });

    test('completes a cancelled task whose handler had finished its work', async () => {
      const { queue, work } = await openBench(harness);
      const { id } = await queue.enqueue('add', { a: 1, b: 2 });
      let running = false;
      await work({
        add: async ({ a, b }, { signal }) => {
          running = true;
          await aborted(signal);
          return a + b;
        },
      });
      await until(harness, () => expect(running).toBe(true));
      await queue.cancel(id);
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toEqual({ status: 'completed', output: 3 });
    });

    test('lets handlers finish while it drains, and reports them', async () => {
      const { queue, work } = await openBench(harness);
      const door = gate();
      const { id } = await queue.enqueue('add', { a: 1, b: 1 });
      let running = false;
      const worker = await work({
        add: async () => {
          running = true;
          await door.opened;
          return 2;
        },
      });
      await until(harness, () => expect(running).toBe(true));
      const stopping = worker.stop({ drainMs: 5_000, abortMs: 100 });
      door.open();
      expect(await during(harness, stopping)).toMatchObject({ finished: 1, returned: 0, aborted: 0 });
      expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 2 });
    });

    test('aborts what does not drain with ShutdownError and gives it back without burning an attempt', async () => {
      const { again, queue, work } = await openBench(harness);
      const reasons: unknown[] = [];
      await queue.enqueue('note', { text: 'long' });
      const worker = await work({
        note: async (_, { signal }) => {
          reasons.push(await aborted(signal));
          throw new Error('stopped');
        },
      });
      await until(harness, async () => expect((await queue.stats()).leased).toBe(1));
      const report = await during(harness, worker.stop({ drainMs: 50, abortMs: 500 }));
      expect(reasons).toMatchObject([{ code: 'SHUTDOWN' }]);
      expect(report.aborted + report.returned).toBeGreaterThanOrEqual(1);
      const other = await again();
      const seen: { attempt: number; delivery: number }[] = [];
      const second = other.queue.worker({
        handlers: { add: () => 0, note: (_, { attempt, delivery }) => void seen.push({ attempt, delivery }) },
      });
      await second.start();
      await until(harness, () => expect(seen).toEqual([{ attempt: 1, delivery: 1 }]));
      expect((await queue.stats()).failed).toBe(0);
    });

    test('gives back what ignores the abort, so that another worker runs it', async () => {
      const { queue, work } = await openBench(harness);
      const door = gate();
      await queue.enqueue('note', { text: 'stubborn' });
      const worker = await work({ note: () => door.opened });
      await until(harness, async () => expect((await queue.stats()).leased).toBe(1));
      const report = await during(harness, worker.stop({ drainMs: 20, abortMs: 20 }));
      expect(report).toMatchObject({ finished: 0, returned: 1 });
      expect(await queue.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } });
      door.open();
    });

    test('lets a handler extend its lease, and fails its progress once the lease is lost', async () => {
      const { queue, work } = await openBench(harness, { logger: silent });
      const seen: unknown[] = [];
      await queue.enqueue('note', { text: 'x' }, { maxAttempts: 1 });
      await work({
        note: async (_, context) => {
          const before = context.expiresAt;
          await context.extend(5_000);
          seen.push(context.expiresAt - before > 3_000, context.isValid());
          await expect(context.progress(NaN)).rejects.toMatchObject({ code: 'CONFIGURATION' });
          await queue.obliterate();
          await context.progress(1).catch((error: unknown) => seen.push(error));
          seen.push(context.isValid());
          expect(() => context.assertValid()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
          seen.push('end');
        },
      });
      await until(harness, () => expect(seen).toHaveLength(5));
      expect(seen).toMatchObject([true, true, { code: 'LEASE_LOST' }, false, 'end']);
    });

    test('tells a handler whose lease is refused its renewal, and accepts nothing of it', async () => {
      const { queue, work } = await openBench(harness, { logger: silent });
      const reasons: unknown[] = [];
      await queue.enqueue('add', { a: 1, b: 1 });
      let running = false;
      await work({
        add: async (_, { signal }) => {
          running = true;
          reasons.push(await aborted(signal));
          return 2;
        },
      });
      await until(harness, () => expect(running).toBe(true));
      await queue.obliterate();
      await until(harness, () => expect(reasons).toHaveLength(1));
      expect(reasons).toMatchObject([{ code: 'LEASE_LOST', reason: 'refused' }]);
      await harness.advance(300);
      expect(await queue.stats()).toMatchObject({ completed: 0, leased: 0, kept: 0 });
    });

    test('takes a task back from a handler that disposes of its lease, unburned', async () => {
      const { queue, work } = await openBench(harness);
      const tries: unknown[] = [];
      const { id } = await queue.enqueue('add', { a: 1, b: 2 });
      await work({
        add: async (_, context) => {
          tries.push({ attempt: context.attempt, delivery: context.delivery });
          if (tries.length === 1) await context[Symbol.asyncDispose]();
          return tries.length;
        },
      });
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toEqual({ status: 'completed', output: 2 });
      expect(tries).toEqual([
        { attempt: 1, delivery: 1 },
        { attempt: 1, delivery: 1 },
      ]);
      expect(await queue.stats()).toMatchObject({ completed: 1, failed: 0, reclaimed: 0 });
    });

    test('shows progress to whoever looks', async () => {
      const { queue, work } = await openBench(harness);
      const door = gate();
      const { id } = await queue.enqueue('note', { text: 'x' });
      await work({
        note: async (_, context) => {
          await context.progress(0.5, 'half of it');
          await door.opened;
        },
      });
      await until(harness, async () => {
        expect(await queue.get(id)).toMatchObject({
          state: 'leased',
          progress: { done: 0.5, note: 'half of it' },
        });
      });
      door.open();
    });

    test('reports how long ago it last heard from Redis', async () => {
      const { work } = await openBench(harness);
      const worker = await work();
      await until(harness, () => expect(worker.stats().turns).toBeGreaterThan(0));
      const { status, checks } = await worker.health();
      expect(status).toBe('up');
      expect(checks.find(({ name }) => name === 'claims')?.value).toBeLessThan(5_000);
    });
  });
}
