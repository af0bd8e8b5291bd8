import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { collect, during, ended, openBench, until, type Bench } from './kit.ts';

export function deadLetterBehaviour(harness: BehaviourHarness): void {
  describe('dead letters', () => {
    test('keep input, history and options, and are listed oldest first', async () => {
      const { queue } = await openBench(harness);
      const ids = await bury(harness, queue, [
        ['one', 'card declined'],
        ['two', 'no stock'],
      ]);
      const letters = await collect(queue.deadLetters.list());
      expect(letters.map(({ id }) => id)).toEqual(ids);
      expect(letters[0]).toMatchObject({
        name: 'note',
        state: 'dead',
        input: { text: 'one' },
        priority: 'normal',
        reason: 'rejected: card declined',
        history: [{ message: 'card declined', attempt: 1 }],
      });
      expect(letters[1]!.diedAt).toBeGreaterThanOrEqual(letters[0]!.diedAt);
      expect(await queue.deadLetters.get(ids[0]!)).toEqual(letters[0]);
      expect(await queue.deadLetters.get('nobody')).toBeUndefined();
    });

    test('are filtered by task, by error and by time of death', async () => {
      const { queue, redis } = await openBench(harness);
      await bury(harness, queue, [['one', 'card declined']]);
      await queue.enqueue('add', { a: 1, b: 2 });
      const [lease] = await queue.receive();
      await lease!.reject('overflow');
      await harness.advance(20);
      const between = Math.floor(await redis.time());
      await bury(harness, queue, [['two', 'card declined']]);
      const inputs = async (filter: Parameters<typeof queue.deadLetters.list>[0]): Promise<unknown[]> =>
        (await collect(queue.deadLetters.list(filter))).map(({ input }) => input);
      expect(await inputs({ task: 'add' })).toEqual([{ a: 1, b: 2 }]);
      expect(await inputs({ error: 'declined' })).toEqual([{ text: 'one' }, { text: 'two' }]);
      expect(await inputs({ error: 'RejectTask', task: 'note' })).toHaveLength(2);
      expect(await inputs({ since: between })).toEqual([{ text: 'two' }]);
      expect(await inputs({ since: new Date(between), error: 'overflow' })).toEqual([]);
    });

    test('are redriven by id: with all attempts again, under the same id, the trail kept', async () => {
      const { queue, work } = await openBench(harness);
      const [id] = await bury(harness, queue, [['again', 'too early']]);
      const report = await during(harness, queue.deadLetters.redrive({ ids: [id!, 'nobody'] }));
      expect(report).toEqual({ matched: 1, changed: 1 });
      expect(await queue.get(id!)).toMatchObject({
        state: 'ready',
        attempts: 0,
        history: [{ message: 'too early' }],
      });
      const attempts: number[] = [];
      await work({
        note: (_, { attempt }) => {
          attempts.push(attempt);
          throw new Error('still');
        },
      });
      await until(harness, () => ended(queue.result(id!, { timeoutMs: 0 })));
      expect(attempts).toEqual([1, 2, 3]);
      const letter = await queue.deadLetters.get(id!);
      expect(letter!.history.map(({ message }) => message)).toEqual(['too early', 'still', 'still', 'still']);
    });

    test('are redriven by filter, and only those', async () => {
      const { queue } = await openBench(harness);
      await bury(harness, queue, [
        ['1', 'declined'],
        ['2', 'no stock'],
        ['3', 'declined'],
      ]);
      const report = await during(harness, queue.deadLetters.redrive({ filter: { error: 'declined' } }));
      expect(report).toEqual({ matched: 2, changed: 2 });
      expect(await queue.stats()).toMatchObject({ dead: 1, redriven: 2, ready: { normal: 2 } });
    });

    test('are counted, not moved, by a dry run', async () => {
      const { queue } = await openBench(harness);
      const ids = await bury(harness, queue, [
        ['1', 'x'],
        ['2', 'x'],
      ]);
      expect(await queue.deadLetters.redrive({ filter: {} }, { dryRun: true })).toEqual({
        matched: 2,
        changed: 0,
      });
      expect(await queue.deadLetters.redrive({ ids }, { dryRun: true })).toEqual({ matched: 2, changed: 0 });
      expect(await queue.stats()).toMatchObject({ dead: 2, redriven: 0 });
    });

    test('are redriven no faster than ratePerSecond', async () => {
      const { queue } = await openBench(harness);
      await bury(
        harness,
        queue,
        Array.from({ length: 7 }, (_, n): [string, string] => [`${n}`, 'x']),
      );
      const start = harness.clock.now();
      await during(harness, queue.deadLetters.redrive({ filter: {} }, { ratePerSecond: 20 }));
      // Two at once, then two more each 100 ms.
      expect(harness.clock.now() - start).toBeGreaterThanOrEqual(290);
      expect((await queue.stats()).redriven).toBe(7);
    });

    test('stop being redriven when the signal aborts', async () => {
      const { queue } = await openBench(harness);
      await bury(
        harness,
        queue,
        Array.from({ length: 4 }, (_, n): [string, string] => [`${n}`, 'x']),
      );
      const controller = new AbortController();
      const redriving = queue.deadLetters.redrive(
        { filter: {} },
        { ratePerSecond: 1, signal: controller.signal },
      );
      await until(harness, async () => expect((await queue.stats()).redriven).toBeGreaterThan(0));
      const reason = new Error('enough');
      controller.abort(reason);
      await expect(redriving).rejects.toBe(reason);
      expect((await queue.stats()).dead).toBeGreaterThan(0);
    });

    test('that die again while they are redriven by filter are not moved twice', async () => {
      const { queue, work } = await openBench(harness);
      await bury(
        harness,
        queue,
        Array.from({ length: 6 }, (_, n): [string, string] => [`${n}`, 'x']),
      );
      let runs = 0;
      await work({
        note: () => {
          runs += 1;
          throw new Error('x');
        },
      });
      const redriven = queue.deadLetters.redrive({ filter: {} }, { ratePerSecond: 10 });
      expect(await during(harness, redriven)).toEqual({ matched: 6, changed: 6 });
      await until(harness, async () => expect((await queue.stats()).dead).toBe(6));
      expect(runs).toBe(18);
    });

    test('are all redriven and all removed, also those of one millisecond that fill more than a page', async () => {
      const { queue } = await openBench(harness);
      const count = harness.real ? 450 : 210;
      await queue.enqueueMany(
        Array.from({ length: count }, (_, n) => ({ name: 'note' as const, input: { text: `${n}` } })),
      );
      const rejectAll = async (): Promise<void> => {
        const leases = await queue.receive({ max: count, visibilityTimeoutMs: 60_000 });
        await Promise.all(leases.map((lease) => lease.reject('x')));
      };
      await rejectAll();
      const all = { matched: count, changed: count };
      const redriven = queue.deadLetters.redrive({ filter: {} }, { ratePerSecond: 100_000 });
      expect(await during(harness, redriven)).toEqual(all);
      await rejectAll();
      expect(await queue.deadLetters.remove({ filter: { error: 'x' } })).toEqual(all);
      expect((await queue.stats()).dead).toBe(0);
    });

    test('are removed for good, by id or by filter', async () => {
      const { queue } = await openBench(harness);
      const ids = await bury(harness, queue, [
        ['1', 'x'],
        ['2', 'x'],
        ['3', 'y'],
      ]);
      expect(await queue.deadLetters.remove({ ids: [ids[0]!] })).toEqual({ matched: 1, changed: 1 });
      expect(await queue.deadLetters.remove({ filter: { error: 'y' } })).toEqual({ matched: 1, changed: 1 });
      expect((await collect(queue.deadLetters.list())).map(({ id }) => id)).toEqual([ids[1]]);
      expect(await queue.get(ids[0]!)).toBeUndefined();
    });

    test('refuse a selection of neither ids nor filter', async () => {
      const { queue } = await openBench(harness);
      const nothing = {} as unknown as { ids: string[] };
      await expect(queue.deadLetters.redrive(nothing)).rejects.toMatchObject({ code: 'CONFIGURATION' });
      await expect(queue.deadLetters.remove(nothing)).rejects.toMatchObject({ code: 'CONFIGURATION' });
    });

    test('are counted by task, reason and error, with advice', async () => {
      const { queue, redis } = await openBench(harness, {
        deadLetterThresholds: { warningAt: 2, criticalAt: 4 },
      });
      expect(await queue.deadLetters.stats()).toMatchObject({
        total: 0,
        severity: 'ok',
        recommendations: [],
      });
      await bury(harness, queue, [
        ['1', 'declined'],
        ['2', 'no stock'],
      ]);
      const stats = await queue.deadLetters.stats();
      expect(stats).toMatchObject({
        total: 2,
        last24h: 2,
        byTask: { note: { count: 2, reasons: { rejected: 2 }, errors: { RejectTask: 2 } } },
        severity: 'warning',
        thresholds: { warningAt: 2, criticalAt: 4 },
      });
      expect(stats.oldestAt).toBeLessThanOrEqual(stats.newestAt!);
      expect(stats.newestAt).toBeLessThanOrEqual(await redis.time());
      expect(stats.recommendations).toEqual([expect.stringMatching(/^2 of note were rejected/)]);
    });

    test('turn health to degraded at the warning threshold and name the critical one', async () => {
      const { queue } = await openBench(harness, { deadLetterThresholds: { warningAt: 1, criticalAt: 2 } });
      const check = async (): Promise<unknown> =>
        (await queue.health()).checks.find(({ name }) => name === 'dead-letters');
      expect(await check()).toMatchObject({
        status: 'up',
        value: 0,
        thresholds: { warning: 1, critical: 2 },
      });
      await bury(harness, queue, [['1', 'x']]);
      expect(await check()).toMatchObject({
        status: 'degraded',
        value: 1,
        remedy: expect.stringContaining('warning'),
      });
      await bury(harness, queue, [['2', 'x']]);
      expect(await check()).toMatchObject({
        status: 'degraded',
        value: 2,
        remedy: expect.stringContaining('critical'),
      });
    });
  });
}

/** Makes dead letters of notes, one by one, each rejected with a reason. Gives their ids. */
async function bury(
  harness: BehaviourHarness,
  queue: Bench['queue'],
  letters: readonly (readonly [text: string, reason: string])[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const [text, reason] of letters) {
    const { id } = await queue.enqueue('note', { text });
    const [lease] = await queue.receive();
    await lease!.reject(reason);
    // Within a millisecond their order is not defined.
    await harness.advance(2);
    ids.push(id);
  }
  return ids;
}
