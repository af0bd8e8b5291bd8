import type { Redis } from '@lockstep/redis';
import { memoryFaults } from '@lockstep/redis/memory';
import { createQueue, task, type Queue, type Worker } from '@lockstep/task-queue';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { connected, gate, silent, until } from './behaviour/kit.ts';

const minuteMs = 60_000;
const leaseMs = 30_000;
const tasks = { note: task({ input: z.string(), visibilityTimeoutMs: leaseMs }) };

interface Opened {
  readonly harness: MemoryHarness;
  readonly redis: Redis;
  readonly queue: Queue<typeof tasks>;
  readonly worker: Worker;
}

/** A worker whose one task is in the hands of `note`. */
async function busy(note: () => Promise<void>, concurrency: number): Promise<Opened> {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const redis = await connected(harness);
  const quiet = { onError: () => undefined, logger: silent };
  const queue = createQueue({ redis, name: 'q', tasks, ...quiet });
  const worker = queue.worker({ handlers: { note }, concurrency });
  await worker.start();
  await queue.enqueue('note', 'x', { id: 'a' });
  await until(harness, () => expect(worker.stats().active).toBe(1));
  return { harness, redis, queue, worker };
}

const forever = (): Promise<void> => gate().opened;

describe('the health of a worker', { timeout: 20_000 }, () => {
  test('is up while a handler of five minutes takes its only slot, and when that ends', async () => {
    const door = gate();
    const { harness, queue, worker } = await busy(() => door.opened, 1);
    for (let minutes = 0; minutes < 5; minutes += 1) {
      await harness.advance(minuteMs);
      expect(await worker.health()).toMatchObject({ status: 'up' });
    }
    door.open();
    await until(harness, () => expect(worker.stats().active).toBe(0));
    expect(await worker.health()).toMatchObject({ status: 'up' });
    await harness.advance(minuteMs);
    expect(await worker.health()).toMatchObject({ status: 'up' });
    expect((await queue.stats()).completed).toBe(1);
  });

  test('counts from the moment when a slot was free again', async () => {
    const door = gate();
    const { harness, redis, worker } = await busy(() => door.opened, 1);
    await harness.advance(5 * minuteMs);
    memoryFaults(redis).disconnect();
    door.open();
    await harness.advance(10_000);
    expect(await worker.health()).toMatchObject({ status: 'up' });
    await harness.advance(6_000);
    expect(await worker.health()).toMatchObject({ status: 'degraded' });
    await harness.advance(45_000);
    expect(await worker.health()).toMatchObject({ status: 'down' });
    memoryFaults(redis).reconnect();
    await until(harness, async () => expect((await worker.health()).status).toBe('up'));
  });

  test('is not up for long where Redis is away, a slot is free and another is in use', async () => {
    const { harness, redis, worker } = await busy(forever, 2);
    memoryFaults(redis).disconnect();
    await harness.advance(20_000);
    expect(await worker.health()).toMatchObject({ status: 'degraded' });
    memoryFaults(redis).reconnect();
  });

  test('is not up for long where Redis is away and all handlers ignore that their leases ended', async () => {
    const { harness, redis, worker } = await busy(forever, 1);
    await harness.advance(5 * minuteMs);
    memoryFaults(redis).disconnect();
    await harness.advance(10_000);
    expect(await worker.health()).toMatchObject({ status: 'up' });
    await harness.advance(leaseMs + 6_000);
    const { checks } = await worker.health();
    expect(checks).toContainEqual(expect.objectContaining({ name: 'claims', status: 'degraded' }));
    await harness.advance(minuteMs);
    expect(await worker.health()).toMatchObject({ status: 'down' });
    memoryFaults(redis).reconnect();
  });

  test('is up while its only handler ignores that its task was cancelled: Redis answers', async () => {
    const { harness, queue, worker } = await busy(forever, 1);
    await queue.cancel('a');
    await harness.advance(5 * minuteMs);
    expect(await worker.health()).toMatchObject({ status: 'up' });
  });
});
