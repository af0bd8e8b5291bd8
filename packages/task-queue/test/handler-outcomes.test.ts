import type { StandardSchemaV1 } from '@lockstep/core';
import { createQueue, task } from '@lockstep/task-queue';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { connected, during, ended, openBench, until } from './behaviour/kit.ts';

function harnessOfOwn(): MemoryHarness {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  return harness;
}

/** Waited for like a promise, and none. */
function thenable(then: PromiseLike<number>['then']): Promise<number> {
  // oxlint-disable-next-line unicorn/no-thenable -- what some libraries return is the point
  return { then } as Promise<number>;
}

const unaskable = {
  // oxlint-disable-next-line unicorn/no-thenable -- likewise
  get then(): never {
    throw new Error('no');
  },
};

const later = thenable((resolve) => Promise.resolve(3).then(resolve));

describe('a handler', { timeout: 20_000 }, () => {
  test.each([
    ['at once', () => 3],
    ['by a promise', () => Promise.resolve(3)],
    ['by what only looks like a promise', () => later],
  ])('completes its task %s', async (_, add) => {
    const harness = harnessOfOwn();
    const { queue, work } = await openBench(harness);
    const { id } = await queue.enqueue('add', { a: 1, b: 2 });
    await work({ add });
    const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
    expect(outcome).toEqual({ status: 'completed', output: 3 });
  });

  test.each([
    [
      'at once',
      (): number => {
        throw new Error('no');
      },
    ],
    ['by a promise', () => Promise.reject(new Error('no'))],
    [
      'by what only looks like a promise',
      () => thenable((_, reject) => Promise.reject(new Error('no')).then(undefined, reject)),
    ],
    ['while it is asked whether it is a promise', () => unaskable as unknown as number],
  ])('that fails %s has used an attempt', async (_, add) => {
    const harness = harnessOfOwn();
    const { queue, work } = await openBench(harness);
    const { id } = await queue.enqueue('add', { a: 1, b: 2 }, { maxAttempts: 1 });
    await work({ add });
    const outcome = await until(harness, () => ended(queue.result(id, { timeoutMs: 0 })));
    expect(outcome).toMatchObject({
      status: 'dead',
      error: { reason: 'attempts', failure: { message: 'no' } },
    });
  });

  test('that stops its worker is the last one: what was claimed with it goes back unburned', async () => {
    const harness = harnessOfOwn();
    const { queue } = await openBench(harness);
    const ids = await queue.enqueueMany(
      Array.from({ length: 10 }, () => ({ name: 'note', input: { text: 'x' } })),
    );
    const stops: Promise<unknown>[] = [];
    const worker = queue.worker({
      concurrency: 10,
      handlers: { add: () => 0, note: () => void stops.push(worker.stop()) },
    });
    await worker.start();
    await until(harness, () => expect(stops).toHaveLength(1));
    await during(harness, stops[0]!);
    expect(await queue.stats()).toMatchObject({ completed: 1, leased: 0, ready: { normal: 9 } });
    expect(await queue.get(ids[9]!.id)).toMatchObject({ state: 'ready', attempts: 0, deliveries: 0 });
  });

  test('whose output an asynchronous schema refuses is not run again', async () => {
    const harness = harnessOfOwn();
    const output: StandardSchemaV1<number, number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) =>
          value === 1 ? { value: 1 } : { issues: [{ message: 'must be 1', path: [] }] },
      },
    };
    const redis = await connected(harness);
    const queue = createQueue({ redis, name: 'q', tasks: { pick: task({ input: z.number(), output }) } });
    let runs = 0;
    const worker = queue.worker({
      handlers: {
        pick: (wanted) => {
          runs += 1;
          return wanted;
        },
      },
    });
    const [good, bad] = await queue.enqueueMany([
      { name: 'pick', input: 1 },
      { name: 'pick', input: 2 },
    ]);
    await worker.start();
    expect(await until(harness, () => ended(queue.result(good.id, { timeoutMs: 0 })))).toEqual({
      status: 'completed',
      output: 1,
    });
    expect(await until(harness, () => ended(queue.result(bad.id, { timeoutMs: 0 })))).toMatchObject({
      status: 'dead',
      error: { reason: 'output', failure: { message: expect.stringContaining('must be 1') as string } },
    });
    expect(runs).toBe(2);
  });
});

test('a worker that is disposed of has stopped', async () => {
  const harness = harnessOfOwn();
  const { queue, work } = await openBench(harness);
  const worker = await work();
  await during(harness, worker[Symbol.asyncDispose]());
  await queue.enqueue('note', { text: 'x' });
  await harness.advance(300);
  expect(worker.stats()).toMatchObject({ running: false });
  expect((await queue.stats()).ready.normal).toBe(1);
});
