import type { Logger } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import {
  createQueue,
  task,
  type Queue,
  type TaskHandlers,
  type Worker,
  type WorkerOptions,
} from '@lockstep/task-queue';
import { eventually, type BehaviourHarness } from '@lockstep/testing';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';

const quick = {
  visibilityTimeoutMs: 600,
  maxAttempts: 3,
  backoff: { type: 'fixed', delayMs: 50 },
} as const;

/** The tasks most cases use: one with an output, one without. */
export const tasks = {
  add: task({ ...quick, input: z.object({ a: z.number(), b: z.number() }), output: z.number() }),
  note: task({ ...quick, input: z.object({ text: z.string() }) }),
};

export type Tasks = typeof tasks;

const handlers: TaskHandlers<Tasks> = { add: ({ a, b }) => a + b, note: () => undefined };

/** One queue of its own per case. */
export interface Bench {
  readonly redis: Redis;
  readonly queue: Queue<Tasks>;
  /** The same queue from another process. */
  readonly again: () => Promise<{ readonly redis: Redis; readonly queue: Queue<Tasks> }>;
  /** A started worker; handlers that are not given do what their task says. */
  readonly work: (
    own?: Partial<TaskHandlers<Tasks>>,
    more?: Omit<WorkerOptions<Tasks>, 'handlers'>,
  ) => Promise<Worker>;
}

type BenchOptions = Omit<Parameters<typeof createQueue<Tasks>>[0], 'redis' | 'name' | 'tasks'>;

export async function openBench(harness: BehaviourHarness, options: BenchOptions = {}): Promise<Bench> {
  const name = harness.uniqueName();
  const open = async (): Promise<{ redis: Redis; queue: Queue<Tasks> }> => {
    const redis = await connected(harness);
    return { redis, queue: createQueue({ redis, name, tasks, ...options }) };
  };
  const { redis, queue } = await open();
  return {
    redis,
    queue,
    again: open,
    work: async (own = {}, more = {}) => {
      const worker = queue.worker({ handlers: { ...handlers, ...own }, ...more });
      await worker.start();
      return worker;
    },
  };
}

/** A connection that is closed with the case, whatever still runs on it. */
export async function connected(harness: BehaviourHarness): Promise<Redis> {
  const redis = await harness.connect();
  onTestFinished(async () => void (await during(harness, redis.close({ drainMs: 20, abortMs: 20 }))));
  return redis;
}

/** Lets time pass until a promise is settled. */
export async function during<T>(harness: BehaviourHarness, promise: Promise<T>): Promise<T> {
  let settled = false;
  const outcome = promise.finally(() => (settled = true));
  // Its rejection is the caller's, who awaits it below.
  outcome.catch(() => undefined);
  if (!harness.real) await until(harness, () => expect(settled).toBe(true), 60_000);
  return outcome;
}

/** Waits until a check holds, in the time of the harness. */
export function until<T>(
  harness: BehaviourHarness,
  check: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<T> {
  if (harness.real) return eventually(check, { timeoutMs });
  // Coarse steps: each costs a check, which on memory is slower than the time that it saves.
  return eventually(check, { timeoutMs, intervalMs: 50, advance: (ms) => harness.advance(ms) });
}

/** The elements of an async iterable. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** For cases in which a warning is expected. */
export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A promise settled by hand. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Resolves when the signal aborts, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

/** Throws while a task has not ended, so that `until` goes on. */
export async function ended<T extends { status: string }>(outcome: Promise<T>): Promise<T> {
  const { status } = await outcome;
  expect(['pending', 'unknown']).not.toContain(status);
  return outcome;
}
