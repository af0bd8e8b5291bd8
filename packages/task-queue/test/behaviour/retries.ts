import type { BehaviourHarness } from '@lockstep/testing';
import { createQueue, RejectTask, RetryLater, task } from '@lockstep/task-queue';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { connected, during, ended, openBench, until } from './kit.ts';

export function retryBehaviour(harness: BehaviourHarness): void {
  describe('retries', () => {
    test('run a failed task again after its back-off, up to maxAttempts, then make it a dead letter', async () => {
      const { queue, work } = await openBench(harness);
      const at: number[] = [];
      const attempts: number[] = [];
      const { id } = await queue.enqueue('note', { text: 'poison' });
      await work({
        note: (_, { attempt }) => {
          at.push(harness.clock.now());
          attempts.push(attempt);
          throw new TypeError(`no ${attempt}`);
        },
      });
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(attempts).toEqual([1, 2, 3]);
      expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(49);
      expect(at[2]! - at[1]!).toBeGreaterThanOrEqual(49);
      expect(outcome).toMatchObject({
        status: 'dead',
        error: { reason: 'attempts', failure: { name: 'TypeError', message: 'no 3', attempt: 3 } },
      });
      expect(await queue.stats()).toMatchObject({ failed: 3, dead: 1, leased: 0, delayed: 0 });
    });

    test('keep name, message, stack, worker, times and attempt of each failure', async () => {
      const { queue, work } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' }, { maxAttempts: 1 });
      const worker = await work({
        note: () => {
          throw new RangeError('too far');
        },
      });
      await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      const [failure, ...others] = (await queue.get(id))!.history;
      expect(others).toEqual([]);
      expect(failure).toMatchObject({
        name: 'RangeError',
        message: 'too far',
        attempt: 1,
        worker: worker.id,
      });
      expect(failure!.stack).toContain('too far');
      expect(failure!.failedAt).toBeGreaterThanOrEqual(failure!.startedAt);
      expect(failure!.startedAt).toBeGreaterThan(harness.clock.now() - 60_000);
    });

    test('keep the last ten failures', async () => {
      const { queue, work } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' }, { maxAttempts: 12 });
      await work({
        note: () => {
          throw new RetryLater(1);
        },
      });
      await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })), 20_000);
      const { history } = (await queue.get(id))!;
      expect(history.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    });

    test('follow the definition’s maxAttempts unless the task was enqueued with another', async () => {
      const { queue, work } = await openBench(harness);
      const runs: Record<string, number> = {};
      const ids = [
        await queue.enqueue('note', { text: 'defined' }),
        await queue.enqueue('note', { text: 'once' }, { maxAttempts: 1 }),
      ];
      await work({
        note: ({ text }) => {
          runs[text] = (runs[text] ?? 0) + 1;
          throw new Error('no');
        },
      });
      for (const { id } of ids) await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(runs).toEqual({ defined: 3, once: 1 });
    });

    test('wait as RetryLater says instead of what the back-off says, and count the attempt', async () => {
      const { queue, work } = await openBench(harness);
      const at: number[] = [];
      await queue.enqueue('note', { text: 'x' });
      await work({
        note: (_, { attempt }) => {
          at.push(harness.clock.now());
          if (attempt === 1) throw new RetryLater(400);
        },
      });
      await until(harness, () => expect(at).toHaveLength(2));
      expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(399);
      expect((await queue.stats()).failed).toBe(1);
    });

    test('do not happen for a rejected task: it is a dead letter at once, with its reason', async () => {
      const { queue, work } = await openBench(harness);
      let runs = 0;
      const { id } = await queue.enqueue('note', { text: 'x' });
      await work({
        note: () => {
          runs += 1;
          throw new RejectTask('card declined');
        },
      });
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toMatchObject({ status: 'dead', error: { reason: 'rejected: card declined' } });
      expect(runs).toBe(1);
      // What is dead is removed, not cancelled.
      expect(await queue.cancel(id)).toBe('not-found');
      expect((await queue.deadLetters.get(id))?.reason).toBe('rejected: card declined');
    });

    test('use the functions registered for custom back-offs, with the attempt and the error', async () => {
      const redis = await connected(harness);
      const tasks = {
        t: task({ input: z.string(), backoff: { type: 'custom', name: 'mine' }, visibilityTimeoutMs: 600 }),
      };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      const asked: unknown[] = [];
      const at: number[] = [];
      const worker = queue.worker({
        handlers: {
          t: (_, { attempt }) => {
            at.push(harness.clock.now());
            if (attempt === 1) throw new Error('first');
          },
        },
        backoffs: {
          mine: (attempt, error) => {
            asked.push(attempt, error);
            return 300;
          },
        },
      });
      await queue.enqueue('t', 'x');
      await worker.start();
      await until(harness, () => expect(at).toHaveLength(2));
      expect(asked).toMatchObject([1, { message: 'first' }]);
      expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(299);
    });

    test('make an undecodable or invalid payload a dead letter at its first delivery', async () => {
      const redis = await connected(harness);
      const name = harness.uniqueName();
      const before = createQueue({ redis, name, tasks: { t: task({ input: z.object({ v: z.number() }) }) } });
      const { id } = await before.enqueue('t', { v: 1 });
      let runs = 0;
      const changed = z.object({ v: z.number(), added: z.string() });
      const after = createQueue({ redis, name, tasks: { t: task({ input: changed }) } });
      const worker = after.worker({ handlers: { t: () => void (runs += 1) } });
      await worker.start();
      const outcome = await until(harness, () => ended(after.result(id, { timeoutMs: 0 })));
      expect(outcome).toMatchObject({
        status: 'dead',
        error: {
          reason: 'payload',
          failure: { code: 'PAYLOAD_INVALID', message: expect.stringContaining('added') },
        },
      });
      expect(runs).toBe(0);
      expect(await after.deadLetters.get(id)).toMatchObject({ input: { v: 1 }, attempts: 1 });
    });

    test('do not repeat work whose output was refused', async () => {
      const { queue, work } = await openBench(harness);
      let runs = 0;
      const { id } = await queue.enqueue('add', { a: 1, b: 1 });
      const add = (): number => {
        runs += 1;
        return 'two' as unknown as number;
      };
      await work({ add });
      const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
      expect(outcome).toMatchObject({ status: 'dead', error: { reason: 'output' } });
      expect(runs).toBe(1);
    });

    test('leave a task that a worker does not know to one that does, and burn nothing', async () => {
      const redis = await connected(harness);
      const name = harness.uniqueName();
      const known = task({ input: z.string() });
      const producer = createQueue({ redis, name, tasks: { known, fresh: known } });
      const older = createQueue({ redis: await connected(harness), name, tasks: { known } });
      const oldWorker = older.worker({ handlers: { known: () => undefined } });
      await oldWorker.start();
      const { id } = await producer.enqueue('fresh', 'x');
      await until(harness, async () => expect(await producer.get(id)).toMatchObject({ state: 'delayed' }));
      expect(await producer.get(id)).toMatchObject({ attempts: 0, deliveries: 0 });
      await during(harness, oldWorker.stop());
      const seen: { attempt: number; delivery: number }[] = [];
      const worker = producer.worker({
        handlers: {
          known: () => undefined,
          fresh: (_, { attempt, delivery }) => void seen.push({ attempt, delivery }),
        },
      });
      await worker.start();
      await until(harness, () => expect(seen).toEqual([{ attempt: 1, delivery: 1 }]));
    });

    test('end a task that nobody knows as a dead letter after unknownTaskMs', async () => {
      const redis = await connected(harness);
      const name = harness.uniqueName();
      const known = task({ input: z.string() });
      const producer = createQueue({ redis, name, tasks: { known, fresh: known } });
      const older = createQueue({
        redis: await connected(harness),
        name,
        tasks: { known },
        unknownTaskMs: 1_500,
      });
      const worker = older.worker({ handlers: { known: () => undefined } });
      await worker.start();
      const { id } = await producer.enqueue('fresh', 'x');
      const start = harness.clock.now();
      const outcome = await until(harness, () => ended(producer.result(id, { timeoutMs: 0 })));
      expect(outcome).toEqual({ status: 'dead', error: { reason: 'unknown-task' } });
      expect(harness.clock.now() - start).toBeGreaterThanOrEqual(1_400);
      await producer.deadLetters.redrive({ ids: [id] });
      await until(harness, async () => expect(await producer.get(id)).toMatchObject({ state: 'delayed' }));
      expect((await producer.stats()).died).toBe(1);
    });
  });
}
