import type { StandardSchemaV1 } from '@lockstep/core';
import { createQueue, task } from '@lockstep/task-queue';
import { memoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { withoutStrayPromises } from '../src/zod-schema.ts';
import { connected } from './behaviour/kit.ts';

const validate = (schema: StandardSchemaV1, value: unknown) => schema['~standard'].validate(value);

/** Rejections that nobody handled while the case ran. */
function strayRejections(): unknown[] {
  const strays: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => void strays.push(reason));
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
  });
  return strays;
}

/** Node reports a stray rejection after the microtasks of a turn. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

const unreachable = z.object({ name: z.string().refine(() => Promise.reject(new Error('unreachable'))) });

describe('a zod schema with a check that rejects', () => {
  test('rejects what waits for it, and leaves no other promise behind', async () => {
    const strays = strayRejections();
    const schema = withoutStrayPromises(unreachable);
    for (let n = 0; n < 3; n += 1) {
      await expect(validate(schema, { name: 'x' })).rejects.toThrow('unreachable');
    }
    await turns();
    expect(strays).toEqual([]);
  });

  test('would leave one behind by itself', async () => {
    const strays = strayRejections();
    await expect(validate(unreachable, { name: 'x' })).rejects.toThrow('unreachable');
    await turns();
    expect(strays).toHaveLength(1);
  });

  test('does so too when the check comes after one that refuses some values', async () => {
    const strays = strayRejections();
    const schema = withoutStrayPromises(
      z
        .string()
        .min(3, { abort: true })
        .refine(() => Promise.reject(new Error('unreachable'))),
    );
    expect(await validate(schema, 'x')).toMatchObject({ issues: [{ code: 'too_small' }] });
    await expect(validate(schema, 'long')).rejects.toThrow('unreachable');
    await turns();
    expect(strays).toEqual([]);
  });

  test('runs each check once for a value, after the first', async () => {
    const check = vi.fn(() => Promise.resolve(true));
    const schema = withoutStrayPromises(z.string().refine(check));
    await validate(schema, 'first');
    check.mockClear();
    expect(await validate(schema, 'second')).toEqual({ value: 'second' });
    expect(check).toHaveBeenCalledTimes(1);
  });
});

describe('any other schema', () => {
  test('stays synchronous once it has taken a value, and gives the same', () => {
    const schema = withoutStrayPromises(z.object({ n: z.coerce.number() }));
    expect(validate(schema, { n: '5' })).toEqual({ value: { n: 5 } });
    expect(validate(schema, { n: 'x' })).toMatchObject({ issues: [{ path: ['n'] }] });
  });

  test('is waited for where only some values are checked asynchronously', async () => {
    const late = z.literal('late').refine(() => Promise.resolve(false), 'not yet');
    const schema = withoutStrayPromises(z.union([z.number(), late]));
    expect(validate(schema, 5)).toEqual({ value: 5 });
    expect(await validate(schema, 'late')).toMatchObject({ issues: [expect.anything()] });
    expect(await validate(schema, 6)).toEqual({ value: 6 });
  });

  test('of another library is left alone', () => {
    const own: StandardSchemaV1 = {
      '~standard': { version: 1, vendor: 'mine', validate: (value) => ({ value }) },
    };
    expect(withoutStrayPromises(own)).toBe(own);
  });
});

test('a queue checks what it is given, and what it takes, without a stray promise', async () => {
  const strays = strayRejections();
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const redis = await connected(harness);
  let reachable = true;
  const input = z.string().refine(async () => {
    if (reachable) return true;
    throw new Error('unreachable');
  });
  const queue = createQueue({ redis, name: 'q', tasks: { t: task({ input }) } });
  await queue.enqueue('t', 'x');
  reachable = false;
  await expect(queue.enqueue('t', 'x')).rejects.toThrow('unreachable');
  expect(await queue.receive()).toEqual([]);
  // A process that has not seen the schema work yet.
  const fresh = createQueue({ redis, name: 'q', tasks: { t: task({ input }) } });
  await expect(fresh.enqueue('t', 'x')).rejects.toThrow('unreachable');
  await turns();
  expect(strays).toEqual([]);
});
