import { getEventListeners } from 'node:events';
import type { BehaviourHarness } from '@lockstep/testing';
import { createQueue, task } from '@lockstep/task-queue';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { connected, during, gate, openBench, until, type Bench } from './kit.ts';

export function receiveBehaviour(harness: BehaviourHarness): void {
  describe('receive', () => {
    test('takes tasks with leases and completes them with their output', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('add', { a: 2, b: 2 });
      const [lease, ...others] = await queue.receive({ max: 10 });
      expect(others).toEqual([]);
      expect(lease).toMatchObject({ name: 'add', id, input: { a: 2, b: 2 }, attempt: 1, delivery: 1 });
      if (lease?.name !== 'add') throw new Error('the wrong task');
      await lease.complete(4);
      expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 4 });
      expect((await queue.stats()).leased).toBe(0);
    });

    test('takes at most max, and nothing from an empty queue', async () => {
      const { queue } = await openBench(harness);
      expect(await queue.receive()).toEqual([]);
      await fill(queue, 5);
      expect(await queue.receive()).toHaveLength(1);
      expect(await queue.receive({ max: 3 })).toHaveLength(3);
      expect(await queue.receive({ max: 3 })).toHaveLength(1);
    });

    test('waits for a task, and is woken by the first', async () => {
      const { again, queue } = await openBench(harness);
      const waiting = queue.receive({ waitMs: 3_000 });
      await harness.advance(200);
      const other = await again();
      await other.queue.enqueue('note', { text: 'wake' });
      const start = harness.clock.now();
      expect(await during(harness, waiting)).toMatchObject([{ input: { text: 'wake' } }]);
      expect(harness.clock.now() - start).toBeLessThan(harness.real ? 1_500 : 500);
    });

    test('comes back empty when waitMs has passed, and rejects at once with the reason of its signal', async () => {
      const { queue } = await openBench(harness);
      const start = harness.clock.now();
      expect(await during(harness, queue.receive({ waitMs: 200 }))).toEqual([]);
      expect(harness.clock.now() - start).toBeGreaterThanOrEqual(190);
      const controller = new AbortController();
      const waiting = queue.receive({ waitMs: 5_000, signal: controller.signal });
      const reason = new Error('enough');
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    });

    test('retries after a delay of the caller’s or of the back-off, with the error kept', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      const [first] = await queue.receive();
      await first!.retry({ error: new Error('not yet') });
      expect(await queue.get(id)).toMatchObject({
        state: 'delayed',
        attempts: 1,
        history: [{ message: 'not yet' }],
      });
      const [second] = await during(harness, queue.receive({ waitMs: 3_000 }));
      expect(second).toMatchObject({ id, attempt: 2, delivery: 2 });
      await second!.retry({ delayMs: 400 });
      await harness.advance(200);
      expect(await queue.receive()).toEqual([]);
      const [third] = await during(harness, queue.receive({ waitMs: 3_000 }));
      await third!.retry();
      expect(await queue.get(id)).toMatchObject({ state: 'dead', deadReason: 'attempts' });
    });

    test('rejects into the dead letters', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      const [lease] = await queue.receive();
      await lease!.reject('no such customer');
      expect(await queue.deadLetters.get(id)).toMatchObject({ reason: 'rejected: no such customer' });
    });

    test('gives a released task back as if it had not been taken', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      const [lease] = await queue.receive();
      await lease!.release();
      expect(await queue.get(id)).toMatchObject({ state: 'ready', attempts: 0, deliveries: 0 });
    });

    test('releases a lease that is disposed of unsettled, and nothing when it was settled', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      {
        await using lease = (await queue.receive())[0]!;
        expect(lease.isValid()).toBe(true);
      }
      expect(await queue.get(id)).toMatchObject({ state: 'ready' });
      {
        await using lease = (await queue.receive())[0]!;
        if (lease.name === 'note') await lease.complete();
      }
      expect(await queue.get(id)).toBeUndefined();
    });

    test('does not renew: another caller gets the task after the lease, which then refuses to settle', async () => {
      const { again, queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      const [lease] = await queue.receive({ visibilityTimeoutMs: 200 });
      expect(lease!.expiresAt).toBeLessThanOrEqual(harness.clock.now() + 200);
      const other = await again();
      const [next] = await during(harness, other.queue.receive({ waitMs: 5_000 }));
      expect(next).toMatchObject({ id, delivery: 2, attempt: 1 });
      expect(next!.fencingToken).toBeGreaterThan(lease!.fencingToken);
      expect(lease!.isValid()).toBe(false);
      expect(lease!.signal.aborted).toBe(true);
      if (lease?.name !== 'note' || next?.name !== 'note') throw new Error('the wrong task');
      await expect(lease.complete()).rejects.toMatchObject({ code: 'LEASE_LOST' });
      await next.complete();
      expect((await queue.stats()).completed).toBe(1);
    });

    test('keeps a lease that is extended', async () => {
      const { queue } = await openBench(harness);
      await queue.enqueue('note', { text: 'x' });
      const [lease] = await queue.receive({ visibilityTimeoutMs: 300 });
      await lease!.extend(3_000);
      await harness.advance(600);
      expect(lease!.isValid()).toBe(true);
      expect(await queue.receive()).toEqual([]);
      if (lease?.name === 'note') await lease.complete();
      expect((await queue.stats()).completed).toBe(1);
    });

    test('settles once: a second settlement is refused', async () => {
      const { queue } = await openBench(harness);
      await queue.enqueue('note', { text: 'x' });
      const [lease] = await queue.receive();
      if (lease?.name !== 'note') throw new Error('the wrong task');
      await lease.complete();
      await expect(lease.retry()).rejects.toThrow();
      expect(await queue.stats()).toMatchObject({ completed: 1, delayed: 0, failed: 0 });
    });

    test('lets the caller complete with a better output when the first was refused', async () => {
      const { queue } = await openBench(harness);
      const { id } = await queue.enqueue('add', { a: 1, b: 1 });
      const [lease] = await queue.receive();
      if (lease?.name !== 'add') throw new Error('the wrong task');
      await expect(lease.complete('two' as unknown as number)).rejects.toMatchObject({
        code: 'PAYLOAD_INVALID',
      });
      await lease.complete(2);
      expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 2 });
    });

    test('takes back nothing that it handed out, however its signal fares later', async () => {
      const { queue } = await openBench(harness);
      await fill(queue, 2);
      const stop = new AbortController();
      const leases = await queue.receive({ max: 2, waitMs: 1_000, signal: stop.signal });
      stop.abort(new Error('enough'));
      await harness.advance(50);
      expect(leases.map((lease) => lease.isValid())).toEqual([true, true]);
      for (const lease of leases) if (lease.name === 'note') await lease.complete();
      expect(await queue.stats()).toMatchObject({ completed: 2, leased: 0 });
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    });

    test('gives back what it had claimed but not handed out when its signal aborts', async () => {
      const door = gate();
      const checked = z.string().refine(async () => {
        await door.opened;
        return true;
      });
      const queue = createQueue({
        redis: await connected(harness),
        name: harness.uniqueName(),
        tasks: { t: task({ input: z.string() }) },
      });
      const slow = createQueue({
        redis: await connected(harness),
        name: queue.name,
        tasks: { t: task({ input: checked }) },
      });
      await queue.enqueue('t', 'x');
      const stop = new AbortController();
      const receiving = slow.receive({ waitMs: 5_000, signal: stop.signal });
      await until(harness, async () => expect((await queue.stats()).leased).toBe(1));
      const reason = new Error('enough');
      stop.abort(reason);
      await expect(receiving).rejects.toBe(reason);
      door.open();
      await until(harness, async () =>
        expect(await queue.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } }),
      );
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    });

    test('aborts the signal of a lease whose task is cancelled, and does not hand it out again', async () => {
      const { again, queue } = await openBench(harness);
      const { id } = await queue.enqueue('note', { text: 'x' });
      const [lease] = await queue.receive({ visibilityTimeoutMs: 60_000 });
      expect(lease!.signal.aborted).toBe(false);
      const other = await again();
      expect(await other.queue.cancel(id)).toBe('cancelling');
      await until(harness, () => expect(lease!.signal.aborted).toBe(true), 1_000);
      expect(lease!.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
      await lease!.retry({ delayMs: 0 });
      expect(await queue.result(id, { timeoutMs: 0 })).toMatchObject({ status: 'cancelled' });
    });

    test('never hands out what cannot be read: it is a dead letter, and the wait goes on', async () => {
      const redis = await connected(harness);
      const name = harness.uniqueName();
      const before = createQueue({ redis, name, tasks: { t: task({ input: z.string() }) } });
      const after = createQueue({ redis, name, tasks: { t: task({ input: z.number() }) } });
      await before.enqueue('t', 'text');
      await after.enqueue('t', 5);
      expect(await during(harness, after.receive({ waitMs: 1_000 }))).toMatchObject([{ input: 5 }]);
      await until(harness, async () => expect((await after.stats()).dead).toBe(1));
    });
  });
}

async function fill(queue: Bench['queue'], count: number): Promise<void> {
  await queue.enqueueMany(
    Array.from({ length: count }, (_, n) => ({ name: 'note' as const, input: { text: `${n}` } })),
  );
}
