import { createQueue, task, type RedriveTarget } from '@lockstep/task-queue';
import { memoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { collect, connected } from './behaviour/kit.ts';

const charge = task({ input: z.string(), maxAttempts: 1 });
const refund = task({ input: z.string(), visibilityTimeoutMs: 5_000 });

async function twoQueues() {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const redis = await connected(harness);
  const from = createQueue({
    redis,
    name: 'payments',
    tasks: { charge, refund: task({ input: z.string() }) },
  });
  const to = createQueue({ redis, name: 'by-hand', tasks: { refund } });
  return { harness, from, to };
}

type From = Awaited<ReturnType<typeof twoQueues>>['from'];

async function bury(queue: From, name: 'charge' | 'refund', id: string): Promise<void> {
  await queue.enqueue(name, id, { id, priority: 'high', maxAttempts: 2 });
  const [lease] = await queue.receive();
  await lease!.reject('no');
}

describe('a redrive to another queue', () => {
  test('moves dead letters there as they were enqueued, and out of their own', async () => {
    const { harness, from, to } = await twoQueues();
    await bury(from, 'refund', 'r1');
    await bury(from, 'refund', 'r2');
    expect(await from.deadLetters.redrive({ ids: ['r1', 'nobody'] }, { to })).toEqual({
      matched: 1,
      changed: 1,
    });
    expect(await from.stats()).toMatchObject({ dead: 1, redriven: 0, ready: { high: 0 } });
    const [lease] = await to.receive();
    expect(lease).toMatchObject({ id: 'r1', name: 'refund', input: 'r1', priority: 'high', attempt: 1 });
    expect(lease!.expiresAt - harness.clock.now()).toBeLessThanOrEqual(5_000);
    await lease!.retry({ delayMs: 0 });
    const [again] = await to.receive();
    await again!.retry({ delayMs: 0 });
    expect(await to.deadLetters.get('r1')).toMatchObject({ reason: 'attempts', attempts: 2 });
  });

  test('takes a filter and counts only in a dry run', async () => {
    const { from, to } = await twoQueues();
    await bury(from, 'refund', 'r1');
    await bury(from, 'charge', 'c1');
    const refunds = { filter: { task: 'refund' } };
    expect(await from.deadLetters.redrive(refunds, { to, dryRun: true })).toEqual({ matched: 1, changed: 0 });
    expect((await to.stats()).enqueued).toBe(0);
    expect(await from.deadLetters.redrive(refunds, { to })).toEqual({ matched: 1, changed: 1 });
    expect((await collect(from.deadLetters.list())).map(({ id }) => id)).toEqual(['c1']);
  });

  test('adds nothing twice that an interrupted one had added already', async () => {
    const { from, to } = await twoQueues();
    await bury(from, 'refund', 'r1');
    await to.enqueue('refund', 'r1', { id: 'r1' });
    expect(await from.deadLetters.redrive({ ids: ['r1'] }, { to })).toEqual({ matched: 1, changed: 1 });
    expect(await to.stats()).toMatchObject({ enqueued: 1 });
    expect((await from.stats()).dead).toBe(0);
  });

  test('refuses a queue that does not know the task, one that is closed, and what is no queue', async () => {
    const { from, to } = await twoQueues();
    await bury(from, 'charge', 'c1');
    const all = { filter: {} };
    await expect(from.deadLetters.redrive(all, { to })).rejects.toMatchObject({
      code: 'CONFIGURATION',
      path: 'options.to',
      value: 'charge',
    });
    const none = { name: 'by-hand' } as unknown as RedriveTarget;
    await expect(from.deadLetters.redrive(all, { to: none })).rejects.toMatchObject({ path: 'options.to' });
    await to.close();
    await expect(from.deadLetters.redrive(all, { to })).rejects.toMatchObject({ code: 'CLOSED' });
    expect((await from.stats()).dead).toBe(1);
  });
});
