import { createQueue, task } from '@lockstep/task-queue';
import { memoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { connected, ended, until } from './behaviour/kit.ts';

const tasks = { square: task({ input: z.number(), output: z.number() }), note: task({ input: z.string() }) };

async function openQueue() {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const redis = await connected(harness);
  const queue = createQueue({ redis, name: 'q', tasks });
  const worker = queue.worker({ handlers: { square: (n) => n * n, note: () => undefined } });
  return { harness, redis, queue, worker };
}

type Opened = Awaited<ReturnType<typeof openQueue>>;

describe('what is kept', { timeout: 20_000 }, () => {
  test('an output can be read for an hour, and is swept after it with no traffic at all', async () => {
    const { harness, queue, worker } = await openQueue();
    const { id } = await queue.enqueue('square', 4);
    const [lease] = await queue.receive();
    if (lease?.name === 'square') await lease.complete(16);
    await harness.advance(3_590_000);
    expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 16 });
    expect((await queue.stats()).kept).toBe(1);
    await worker.start();
    await harness.advance(100_000);
    expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'unknown' });
    expect((await queue.stats()).kept).toBe(0);
  });

  test('the output of a worker’s task is kept as long', async () => {
    const { harness, queue, worker } = await openQueue();
    const { id } = await queue.enqueue('square', 3);
    await worker.start();
    await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
    await worker.stop();
    await harness.advance(3_590_000);
    expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 9 });
    await harness.advance(20_000);
    expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'unknown' });
  });

  test('a task without an output leaves nothing behind', async () => {
    const { harness, queue, worker } = await openQueue();
    await queue.enqueue('note', 'x');
    await worker.start();
    await until(harness, async () => expect((await queue.stats()).completed).toBe(1));
    expect((await queue.stats()).kept).toBe(0);
  });

  test('a cancelled task can be asked about for ten minutes', async () => {
    const { harness, queue, worker } = await openQueue();
    const { id } = await queue.enqueue('note', 'x', { delayMs: 60_000 });
    await queue.cancel(id);
    await harness.advance(590_000);
    expect(await queue.result(id, { timeoutMs: 0 })).toMatchObject({ status: 'cancelled' });
    await worker.start();
    await harness.advance(110_000);
    expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'unknown' });
    expect((await queue.stats()).kept).toBe(0);
  });

  describe('goes where nothing but receive works on the queue:', () => {
    const hourMs = 3_600_000;

    async function withAnOutput(): Promise<Opened> {
      const opened = await openQueue();
      await opened.queue.enqueue('square', 4);
      const [lease] = await opened.queue.receive();
      if (lease?.name === 'square') await lease.complete(16);
      await opened.harness.advance(hourMs - 100_000);
      expect((await opened.queue.stats()).kept).toBe(1);
      return opened;
    }

    test('while it waits', async () => {
      const { harness, queue } = await withAnOutput();
      const waiting = queue.receive({ waitMs: 600_000 });
      await harness.advance(200_000);
      expect((await queue.stats()).kept).toBe(0);
      await queue.close();
      await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    });

    test('while a lease is held, and not once that is over', async () => {
      const { harness, queue } = await withAnOutput();
      await queue.enqueue('note', 'x');
      const before = harness.clock.pendingTimers;
      const [lease] = await queue.receive({ visibilityTimeoutMs: hourMs });
      expect(harness.clock.pendingTimers).toBeGreaterThan(before);
      await harness.advance(200_000);
      expect((await queue.stats()).kept).toBe(0);
      if (lease?.name === 'note') await lease.complete();
      expect(harness.clock.pendingTimers).toBeLessThanOrEqual(before);
    });

    test('not while a lease would be held that has run out', async () => {
      const { harness, queue } = await withAnOutput();
      await queue.enqueue('note', 'x');
      const before = harness.clock.pendingTimers;
      const [lease] = await queue.receive({ visibilityTimeoutMs: 1_000 });
      await harness.advance(1_100);
      expect(lease!.isValid()).toBe(false);
      expect(harness.clock.pendingTimers).toBeLessThanOrEqual(before);
    });

    test('also where it only ever looks, and never waits', async () => {
      const { harness, queue } = await withAnOutput();
      for (let looks = 0; looks < 20; looks += 1) {
        expect(await queue.receive()).toEqual([]);
        await harness.advance(10_000);
      }
      expect((await queue.stats()).kept).toBe(0);
    });
  });

  test.each([
    ['a stopped worker', ({ worker }: Opened) => worker.stop()],
    ['a closed queue', ({ queue }: Opened) => queue.close()],
  ])('%s leaves no timer behind', async (_, end) => {
    const opened = await openQueue();
    const { harness, queue, worker } = opened;
    await queue.stats();
    const before = harness.clock.pendingTimers;
    await worker.start();
    await harness.advance(100);
    expect(harness.clock.pendingTimers).toBeGreaterThan(before);
    await end(opened);
    // The subscriber's heartbeat belongs to the connection.
    expect(harness.clock.pendingTimers).toBeLessThanOrEqual(before + 1);
  });

  test('a closed connection ends the sweeps of its queues', async () => {
    const { harness, redis, worker } = await openQueue();
    await worker.start();
    await redis.close();
    await harness.advance(100_000);
    expect(harness.clock.pendingTimers).toBe(0);
  });
});
