import { memoryFaults } from '@lockstep/redis/memory';
import { createQueue, task, type RedriveTarget } from '@lockstep/task-queue';
import { memoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { collect, connected, during } from './behaviour/kit.ts';

const charge = task({ input: z.string(), maxAttempts: 1 });
const refund = task({ input: z.string(), visibilityTimeoutMs: 5_000 });
const fromTasks = { charge, refund: task({ input: z.string() }) };

async function twoQueues() {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const redis = await connected(harness);
  const from = createQueue({ redis, name: 'payments', tasks: fromTasks });
  const to = createQueue({ redis: await connected(harness), name: 'by-hand', tasks: { refund } });
  return { harness, redis, from, to };
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
    const { harness, redis, from, to } = await twoQueues();
    await bury(from, 'refund', 'r1');
    memoryFaults(redis).failNext(new Error('READONLY'), {
      match: (command, args) => command.startsWith('eval') && args.includes('dead') && args.includes('r1'),
      times: Infinity,
    });
    const interrupted = from.deadLetters.redrive({ ids: ['r1'] }, { to });
    await expect(during(harness, interrupted)).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(await to.stats()).toMatchObject({ enqueued: 1, ready: { high: 1 } });
    expect((await from.stats()).dead).toBe(1);
    const other = createQueue({ redis: await connected(harness), name: from.name, tasks: fromTasks });
    expect(await other.deadLetters.redrive({ ids: ['r1'] }, { to })).toEqual({ matched: 1, changed: 1 });
    expect(await to.stats()).toMatchObject({ enqueued: 1 });
    expect((await other.stats()).dead).toBe(0);
  });

  test('leaves a dead letter whose id the other queue has for another task, and does not count it', async () => {
    const { from, to } = await twoQueues();
    await bury(from, 'refund', 'r1');
    await bury(from, 'refund', 'r2');
    await to.enqueue('refund', 'quite another', { id: 'r1' });
    expect(await from.deadLetters.redrive({ filter: {} }, { to })).toEqual({ matched: 2, changed: 1 });
    expect(await collect(from.deadLetters.list())).toMatchObject([{ id: 'r1', input: 'r1' }]);
    expect(await to.get('r1')).toMatchObject({ input: 'quite another' });
    expect(await to.get('r2')).toMatchObject({ input: 'r2' });
  });

  test('leaves one whose id the other queue remembers of a task that is over', async () => {
    const { harness, from, to } = await twoQueues();
    await bury(from, 'refund', 'r1');
    await to.enqueue('refund', 'r1', { id: 'r1', priority: 'high', maxAttempts: 2 });
    await to.cancel('r1');
    expect(await from.deadLetters.redrive({ ids: ['r1'] }, { to })).toEqual({ matched: 1, changed: 0 });
    expect((await from.stats()).dead).toBe(1);
    await harness.advance(601_000);
    expect(await from.deadLetters.redrive({ ids: ['r1'] }, { to })).toEqual({ matched: 1, changed: 1 });
    expect(await to.get('r1')).toMatchObject({ state: 'ready' });
  });

  test('is an ordinary one where the other queue is its own', async () => {
    const { from } = await twoQueues();
    await bury(from, 'refund', 'r1');
    expect(await from.deadLetters.redrive({ ids: ['r1'] }, { to: from })).toEqual({ matched: 1, changed: 1 });
    expect(await from.get('r1')).toMatchObject({ state: 'ready', history: [{ message: 'no' }] });
  });

  test('moves nothing into the same queue under another connection, and loses nothing', async () => {
    const { harness, from } = await twoQueues();
    await bury(from, 'refund', 'r1');
    const same = createQueue({ redis: await connected(harness), name: from.name, tasks: fromTasks });
    expect(await from.deadLetters.redrive({ ids: ['r1'] }, { to: same })).toEqual({ matched: 1, changed: 0 });
    expect(await from.deadLetters.get('r1')).toMatchObject({ input: 'r1', history: [{ message: 'no' }] });
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
