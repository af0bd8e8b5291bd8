import type { Logger } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { memoryFaults, type CommandMatch } from '@lockstep/redis/memory';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aborted, during, ended, gate, openBench, until } from './behaviour/kit.ts';

const scripts: CommandMatch = (command) => command === 'evalsha' || command === 'eval';

function harnessOfOwn(): MemoryHarness {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  return harness;
}

describe('a worker whose connection breaks', { timeout: 20_000 }, () => {
  test('aborts its handler before the lease ends; another worker runs the task within the lease and a second', async () => {
    const harness = harnessOfOwn();
    const warnings: unknown[] = [];
    const { again, queue, redis, work } = await openBench(harness, { logger: warningsInto(warnings) });
    const reasons: unknown[] = [];
    const { id } = await queue.enqueue('add', { a: 1, b: 1 });
    await work({
      add: async (_, context) => {
        reasons.push(await aborted(context.signal), context.isValid());
        return 666;
      },
    });
    await until(harness, async () => expect(await queue.get(id)).toMatchObject({ state: 'leased' }));
    const lostAt = harness.clock.now();
    memoryFaults(redis).disconnect();
    const other = await again();
    let ranAt = 0;
    const survivor = other.queue.worker({
      handlers: {
        add: () => {
          ranAt = harness.clock.now();
          return 2;
        },
        note: () => undefined,
      },
    });
    await survivor.start();
    const outcome = await until(harness, () => ended(other.queue.result(id, { timeoutMs: 0 })));
    expect(reasons).toMatchObject([{ code: 'LEASE_LOST', reason: 'expired' }, false]);
    expect(outcome).toEqual({ status: 'completed', output: 2 });
    // Renewed at most a moment before the break: 600 ms of lease, and a second.
    expect(ranAt - lostAt).toBeLessThanOrEqual(1_600);
    memoryFaults(redis).reconnect();
    await harness.advance(3_000);
    expect(await other.queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 2 });
    expect(await other.queue.stats()).toMatchObject({ completed: 1, reclaimed: 1, failed: 0 });
    expect(warnings).toMatchObject([{ queue: queue.name, id, outcome: 'complete' }]);
  });

  test('goes on claiming when the connection is back', async () => {
    const harness = harnessOfOwn();
    const { again, queue, redis, work } = await openBench(harness, { onError: () => undefined });
    const seen: string[] = [];
    const worker = await work({ note: ({ text }) => void seen.push(text) });
    const other = await again();
    await other.queue.enqueue('note', { text: 'before' });
    await until(harness, () => expect(seen).toEqual(['before']));
    memoryFaults(redis).disconnect();
    await other.queue.enqueue('note', { text: 'meanwhile' });
    await harness.advance(20_000);
    expect(seen).toEqual(['before']);
    expect((await worker.health()).status).toBe('degraded');
    await harness.advance(45_000);
    expect((await worker.health()).status).toBe('down');
    memoryFaults(redis).reconnect();
    const back = harness.clock.now();
    await until(harness, () => expect(seen).toEqual(['before', 'meanwhile']));
    expect(harness.clock.now() - back).toBeLessThanOrEqual(2_000);
    await until(harness, async () => expect((await worker.health()).status).toBe('up'));
    expect((await queue.stats()).ready.normal).toBe(0);
  });

  test('wakes up for tasks although every message is lost', async () => {
    const harness = harnessOfOwn();
    const { again, redis, work } = await openBench(harness);
    const seen: number[] = [];
    await work({ note: () => void seen.push(harness.clock.now()) });
    await harness.advance(100);
    memoryFaults(redis).messages.drop(100);
    const other = await again();
    const start = harness.clock.now();
    await other.queue.enqueue('note', { text: 'unheard' });
    await until(harness, () => expect(seen).toHaveLength(1));
    expect(seen[0]! - start).toBeLessThanOrEqual(5_000);
  });
});

describe('a lost reply', { timeout: 20_000 }, () => {
  test('of enqueue adds the task once and says that it was new', async () => {
    const harness = harnessOfOwn();
    const { queue, redis } = await openBench(harness);
    await queue.stats();
    memoryFaults(redis).loseReply({ match: scripts });
    expect(await during(harness, queue.enqueue('note', { text: 'x' }, { id: 'once' }))).toEqual({
      id: 'once',
      duplicate: false,
    });
    expect((await queue.stats()).ready.normal).toBe(1);
  });

  test.each([1, 2, 3, 4, 5])('of the next %i calls loses no task and runs none twice', async (times) => {
    const harness = harnessOfOwn();
    const { again, queue, redis, work } = await openBench(harness);
    const runs = new Map<string, number>();
    await work({ note: ({ text }) => void runs.set(text, (runs.get(text) ?? 0) + 1) }, { concurrency: 2 });
    await harness.advance(50);
    const other = await again();
    const texts = ['1', '2', '3', '4', '5', '6'];
    memoryFaults(redis).loseReply({ match: scripts, times });
    await other.queue.enqueueMany(texts.map((text) => ({ name: 'note' as const, input: { text } })));
    await until(harness, async () => expect((await other.queue.stats()).completed).toBe(6), 30_000);
    expect(Object.fromEntries(runs)).toEqual(Object.fromEntries(texts.map((text) => [text, 1])));
    expect(await queue.stats()).toMatchObject({ leased: 0, dead: 0, ready: { normal: 0 } });
  });

  test('of a settlement by hand settles once and resolves', async () => {
    const harness = harnessOfOwn();
    const { queue, redis } = await openBench(harness);
    const { id } = await queue.enqueue('add', { a: 1, b: 2 });
    const [lease] = await queue.receive();
    if (lease?.name !== 'add') throw new Error('the wrong task');
    memoryFaults(redis).loseReply({ match: scripts });
    await during(harness, lease.complete(3));
    expect(await queue.result(id, { timeoutMs: 0 })).toEqual({ status: 'completed', output: 3 });
    expect((await queue.stats()).completed).toBe(1);
  });
});

describe('while Redis is away', { timeout: 20_000 }, () => {
  test('enqueue rejects in time, and what it gave up is not added later', async () => {
    const harness = harnessOfOwn();
    const { again, queue, redis } = await openBench(harness);
    await queue.stats();
    memoryFaults(redis).disconnect();
    const enqueueing = queue.enqueue('note', { text: 'lost' });
    enqueueing.catch(() => undefined);
    await harness.advance(3_000);
    await expect(enqueueing).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: false });
    memoryFaults(redis).reconnect();
    await harness.advance(1_000);
    expect((await (await again()).queue.stats()).ready.normal).toBe(0);
  });

  test('health says so and does not reject', async () => {
    const harness = harnessOfOwn();
    const { queue, redis } = await openBench(harness);
    expect((await queue.health()).status).toBe('up');
    memoryFaults(redis).disconnect();
    const report = await during(harness, queue.health());
    expect(report).toMatchObject({ status: 'down', checks: [{ name: 'redis', value: 'REDIS_UNAVAILABLE' }] });
    memoryFaults(redis).reconnect();
    await until(harness, async () => expect((await queue.health()).status).toBe('up'));
  });

  test('a handler that ends does not end its worker, and its result arrives when Redis is back in time', async () => {
    const harness = harnessOfOwn();
    const { again, queue, redis, work } = await openBench(harness);
    const door = gate();
    const { id } = await queue.enqueue('add', { a: 1, b: 1 });
    await work({ add: () => door.opened.then(() => 2) });
    await until(harness, async () => expect((await queue.stats()).leased).toBe(1));
    await cutFor(redis, harness, 200, door.open);
    const other = await again();
    expect(await until(harness, () => ended(other.queue.result(id, { timeoutMs: 0 })))).toEqual({
      status: 'completed',
      output: 2,
    });
    expect((await other.queue.stats()).reclaimed).toBe(0);
  });
});

function warningsInto(lines: unknown[]): Logger {
  const ignore = (): void => {};
  return { debug: ignore, info: ignore, error: ignore, warn: (fields) => void lines.push(fields) };
}

async function cutFor(
  redis: Redis,
  harness: MemoryHarness,
  ms: number,
  meanwhile: () => void,
): Promise<void> {
  memoryFaults(redis).disconnect();
  meanwhile();
  await harness.advance(ms);
  memoryFaults(redis).reconnect();
}
