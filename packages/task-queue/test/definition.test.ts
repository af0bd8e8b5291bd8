import { createRedis, type Redis } from '@lockstep/redis';
import { createQueue, defineQueue, task } from '@lockstep/task-queue';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const redis = createRedis('memory://definitions');
afterAll(() => redis.close());

const t = task({ input: z.string() });

/** What a caller without types, or with old ones, may pass. */
function define(more: object): void {
  defineQueue({ name: 'q', tasks: { t }, ...more });
}

function defineTask(more: object): void {
  defineQueue({ name: 'q', tasks: { t: task({ input: z.string(), ...more }) } });
}

function refusal(act: () => void): { code: string; path: string; rule: string; value: unknown } {
  try {
    act();
  } catch (error) {
    return error as { code: string; path: string; rule: string; value: unknown };
  }
  throw new Error('was accepted');
}

describe('a definition', () => {
  test('is data that stays as it was given', () => {
    const definition = defineQueue({ name: 'q', tasks: { t }, maxDeliveries: 3 });
    expect(definition).toEqual({ name: 'q', tasks: { t }, maxDeliveries: 3 });
    expect(Object.isFrozen(definition)).toBe(true);
  });

  test.each([
    ['groups', { groups: { concurrency: 3 } }],
    ['retention', { retention: { dead: { maxCount: 5 } } }],
    ['limits', { limits: { maxPending: 5 } }],
    ['rateLimit', { rateLimit: { max: 5, perMs: 1 } }],
    ['partitions', { partitions: 2 }],
  ])('refuses %s by name, which is not built', (option, more) => {
    expect(refusal(() => define(more))).toMatchObject({
      code: 'CONFIGURATION',
      path: `queue.${option}`,
      rule: 'is not an option',
    });
  });

  test.each([
    ['tasks.t.checkpoint', { checkpoint: true }, 'is not an option'],
    ['tasks.t.visibilityTimeoutMs', { visibilityTimeoutMs: 99 }, 'must be at least 100'],
    ['tasks.t.visibilityTimeoutMs', { visibilityTimeoutMs: 43_200_001 }, 'must be at most 43200000'],
    ['tasks.t.maxAttempts', { maxAttempts: 0 }, 'must be at least 1'],
    ['tasks.t.maxAttempts', { maxAttempts: 1.5 }, 'must be a whole number'],
    ['tasks.t.timeoutMs', { timeoutMs: 0 }, 'must be at least 1'],
    [
      'tasks.t.backoff.maxMs',
      { backoff: { type: 'linear', initialMs: 5, maxMs: 4 } },
      'must be at least initialMs',
    ],
    ['tasks.t.input', { input: {} }, 'must be a Standard Schema, for example a zod one'],
    ['tasks.t.output', { output: 5 }, 'must be a Standard Schema, for example a zod one'],
  ])('refuses a bad task and names %s', (path, more, rule) => {
    expect(refusal(() => defineTask(more))).toMatchObject({
      code: 'CONFIGURATION',
      path: `queue.${path}`,
      rule,
    });
  });

  test.each([
    ['name', { name: 'a{b}' }, 'must not contain control characters or braces'],
    ['name', { name: '' }, 'must be a non-empty string'],
    ['tasks', { tasks: {} }, 'must have at least one task'],
    ['maxDeliveries', { maxDeliveries: 0 }, 'must be at least 1'],
    ['lowerShare', { lowerShare: -1 }, 'must be at least 0'],
    ['lowerShare', { lowerShare: 1.5 }, 'must be a whole number'],
    ['unknownTaskMs', { unknownTaskMs: -1 }, 'must be at least 0'],
    [
      'deadLetterThresholds.criticalAt',
      { deadLetterThresholds: { warningAt: 60 } },
      'must be at least warningAt',
    ],
  ])('refuses a bad queue and names %s', (path, more, rule) => {
    expect(refusal(() => define(more))).toMatchObject({ code: 'CONFIGURATION', path: `queue.${path}`, rule });
  });

  test('refuses a task name that cannot be stored', () => {
    expect(refusal(() => define({ tasks: { 'a\tb': t } }))).toMatchObject({
      code: 'CONFIGURATION',
      value: 'a\tb',
    });
  });

  test('takes schemas that are functions, as some libraries make them', () => {
    const callable = Object.assign(() => undefined, { '~standard': z.string()['~standard'] });
    expect(() => defineQueue({ name: 'q', tasks: { t: task({ input: callable }) } })).not.toThrow();
  });
});

describe('createQueue', () => {
  test('refuses what is no connection, and options that are not built', () => {
    const noRedis = {} as unknown as Redis;
    expect(refusal(() => createQueue({ redis: noRedis, name: 'q', tasks: { t } }))).toMatchObject({
      path: 'options.redis',
    });
    const more = { partitions: 2 };
    expect(refusal(() => createQueue({ redis, name: 'q', tasks: { t }, ...more }))).toMatchObject({
      path: 'options.partitions',
      rule: 'is not an option',
    });
    expect(refusal(() => createQueue({ redis, name: 'q', tasks: { t }, maxPayloadBytes: 0 }))).toMatchObject({
      path: 'options.maxPayloadBytes',
    });
  });

  test('does no I/O', async () => {
    const unreachable = createRedis('redis://127.0.0.1:1');
    const queue = createQueue({ redis: unreachable, name: 'q', tasks: { t } });
    expect(queue.name).toBe('q');
    expect(queue.worker({ handlers: { t: () => undefined } }).stats().running).toBe(false);
    await unreachable.close();
  });
});

describe('a worker', () => {
  const queue = createQueue({
    redis,
    name: 'workers',
    tasks: { t, custom: task({ input: z.string(), backoff: { type: 'custom', name: 'mine' } }) },
  });
  const handlers = { t: () => undefined, custom: () => undefined };
  const backoffs = { mine: () => 5 };
  const make = (options: object): void => void queue.worker({ handlers, backoffs, ...options });

  test.each([
    ['options.handlers.custom', { handlers: { t: handlers.t } }, 'must be a function'],
    [
      'options.handlers.other',
      { handlers: { ...handlers, other: handlers.t } },
      'must be a task of the queue',
    ],
    ['options.handlers.t', { handlers: { ...handlers, t: 5 } }, 'must be a function'],
    ['options.backoffs.mine', { backoffs: {} }, 'must be a function: task custom waits by it'],
    ['options.backoffs.mine', { backoffs: { mine: 5 } }, 'must be a function'],
    ['options.concurrency', { concurrency: 0 }, 'must be at least 1'],
    ['options.prefetch', { prefetch: 5 }, 'is not an option'],
  ])('is refused and %s named', (path, options, rule) => {
    expect(refusal(() => make(options))).toMatchObject({ code: 'CONFIGURATION', path, rule });
  });
});

describe('enqueue', () => {
  const queue = createQueue({ redis, name: 'enqueue-options', tasks: { t } });

  test.each([
    ['options.delayMs', { delayMs: -1 }, 'must be at least 0'],
    ['options.runAt', { delayMs: 1, runAt: 5 }, 'must not be given together with delayMs'],
    ['options.runAt', { runAt: new Date(NaN) }, 'must be a whole number of milliseconds'],
    [
      'options.expiresInMs',
      { delayMs: 10, expiresInMs: 10 },
      'must be more than delayMs, or the task never runs',
    ],
    ['options.priority', { priority: 'urgent' }, 'must be one of "critical"|"high"|"normal"|"low"'],
    ['options.id', { id: 'a{b}' }, 'must not contain control characters or braces'],
    ['options.traceparent', { traceparent: 'abc' }, 'must be a W3C traceparent'],
    ['options.maxAttempts', { maxAttempts: 0 }, 'must be at least 1'],
    ['options.group', { group: 'g' }, 'is not an option'],
    ['options.dedupe', { dedupe: { key: 'k' } }, 'is not an option'],
  ])('is refused and %s named', async (path, options, rule) => {
    await expect(queue.enqueue('t', 'x', options as object)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      path,
      rule,
    });
  });

  test.each([
    ['entries[1].delayMs', { name: 't', delayMs: -1 }, 'must be at least 0', -1],
    ['entries[1].group', { name: 't', group: 'g' }, 'is not an option', 'g'],
    ['entries[1].name', { name: 'nope' }, 'must be a task of the queue (t)', 'nope'],
  ])('of many is refused whole and %s named', async (path, entry, rule, value) => {
    const entries = [
      { name: 't', input: 'x' } as const,
      { input: 'x', ...entry } as { name: 't'; input: 'x' },
    ];
    await expect(queue.enqueueMany(entries)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      path,
      rule,
      value,
    });
    expect((await queue.stats()).enqueued).toBe(0);
  });

  test('names an unknown task', async () => {
    await expect(queue.enqueue('nope' as 't', 'x')).rejects.toMatchObject({
      code: 'CONFIGURATION',
      path: 'name',
      rule: 'must be a task of the queue (t)',
      value: 'nope',
    });
    expect((await queue.stats()).enqueued).toBe(0);
  });
});

describe('receive, result and redrive', () => {
  const queue = createQueue({ redis, name: 'other-options', tasks: { t } });

  test.each([
    ['options.max', () => queue.receive({ max: 0 })],
    ['options.waitMs', () => queue.receive({ waitMs: -1 })],
    ['options.visibilityTimeoutMs', () => queue.receive({ visibilityTimeoutMs: 5 })],
    ['options.timeoutMs', () => queue.result('id', { timeoutMs: -1 })],
    ['options.ratePerSecond', () => queue.deadLetters.redrive({ ids: [] }, { ratePerSecond: 0 })],
    ['options.to', () => queue.deadLetters.redrive({ ids: [] }, { to: 'other' } as object)],
    ['selection.filter.errors', () => queue.deadLetters.redrive({ filter: { errors: 'x' } as object })],
  ])('refuse a bad option and name %s', async (path, act) => {
    await expect(act()).rejects.toMatchObject({ code: 'CONFIGURATION', path });
  });
});
