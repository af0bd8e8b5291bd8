import type { Redis } from '@lockstep/redis';
import { memoryFaults } from '@lockstep/redis/memory';
import { createQueue, task } from '@lockstep/task-queue';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { connected, during, until } from './behaviour/kit.ts';

/** Redis is full for what is to be noted of a task that goes on to somebody who knows it. */
function failNotes(redis: Redis): void {
  memoryFaults(redis).failNext(new Error('OOM command not allowed'), {
    match: (command, args) =>
      command.startsWith('eval') && args.includes('{r}') && args.some((arg) => /^\d+ \d+$/.test(String(arg))),
    times: Infinity,
  });
}

function harnessOfOwn(): MemoryHarness {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  return harness;
}

/** A queue of which one task is known, and another only to its producer. */
async function deployment(harness: MemoryHarness) {
  const name = harness.uniqueName();
  const known = task({ input: z.string(), visibilityTimeoutMs: 60_000 });
  const producer = createQueue({
    redis: await connected(harness),
    name,
    tasks: { known, unknown: known },
  });
  const redis = await connected(harness);
  const errors: unknown[] = [];
  const queue = createQueue({
    redis,
    name,
    tasks: { known },
    onError: (error) => void errors.push(error),
  });
  return { producer, queue, redis, errors };
}

describe('receive, where a task cannot be put aside', { timeout: 20_000 }, () => {
  test('hands out the others, and gives that one back', async () => {
    const harness = harnessOfOwn();
    const { producer, queue, redis, errors } = await deployment(harness);
    await producer.enqueueMany([
      { name: 'unknown', input: 'x' },
      { name: 'known', input: 'y' },
    ]);
    failNotes(redis);
    const leases = await during(harness, queue.receive({ max: 2 }));
    expect(leases).toMatchObject([{ name: 'known', input: 'y' }]);
    expect(errors).toMatchObject([{ code: 'REDIS_FULL' }]);
    await until(harness, async () => expect(await producer.stats()).toMatchObject({ leased: 1 }));
    await leases[0]!.complete();
    await until(harness, async () => expect(await producer.stats()).toMatchObject({ delayed: 1 }));
  });

  test('rejects when there is no other, and gives them all back', async () => {
    const harness = harnessOfOwn();
    const { producer, queue, redis } = await deployment(harness);
    await producer.enqueueMany([
      { name: 'unknown', input: 'x' },
      { name: 'unknown', input: 'y' },
    ]);
    failNotes(redis);
    await expect(during(harness, queue.receive({ max: 2, waitMs: 5_000 }))).rejects.toMatchObject({
      code: 'REDIS_FULL',
    });
    await until(harness, async () =>
      expect(await producer.stats()).toMatchObject({ leased: 0, delayed: 2, reclaimed: 0 }),
    );
  });
});

describe('a received lease whose settlement failed', { timeout: 20_000 }, () => {
  test('may be settled again, and is not settled twice', async () => {
    const harness = harnessOfOwn();
    const { queue, redis, producer } = await deployment(harness);
    await producer.enqueue('known', 'x');
    const [lease] = await queue.receive();
    for (const lost of ['request', 'reply'] as const) {
      const heal = cut(redis, lost);
      const unavailable = { code: 'REDIS_UNAVAILABLE' };
      await expect(during(harness, lease!.complete())).rejects.toMatchObject(unavailable);
      expect(lease!.isValid()).toBe(true);
      heal();
      await harness.advance(10);
    }
    expect(await producer.stats()).toMatchObject({ completed: 1, leased: 0 });
    await during(harness, lease!.complete());
    expect(await producer.stats()).toMatchObject({ completed: 1, leased: 0 });
    await expect(lease!.complete()).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });
});

/** Keeps requests from Redis, or its replies from us, until the returned function is called. */
function cut(redis: Redis, lost: 'request' | 'reply'): () => void {
  const faults = memoryFaults(redis);
  let isCut = true;
  const heal = (): void => {
    isCut = false;
    faults.reconnect();
  };
  if (lost === 'request') faults.disconnect();
  else faults.loseReply({ match: (command) => isCut && command.startsWith('eval'), times: Infinity });
  return heal;
}
