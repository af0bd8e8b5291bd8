import { expect, test } from 'vitest';
import { RedisUnavailableError } from '@lockstep/core';
import type { QueueStats } from '@lockstep/task-queue';
import { ManualClock } from '@lockstep/testing';
import { QueueWatch } from '../src/queue-watch.ts';

interface Scene {
  waiting: number;
  completed: number;
  failure?: Error | undefined;
}

/** A watch over a queue whose figures the test sets. */
async function openWatch(scene: Scene) {
  const clock = new ManualClock();
  const closing = new AbortController();
  const stats = async (): Promise<QueueStats> => {
    if (scene.failure) throw scene.failure;
    const { waiting, completed } = scene;
    const counted = { enqueued: 0, failed: 0, died: 0, reclaimed: 0, redriven: 0, delayed: 0, leased: 0 };
    return { ready: { normal: waiting }, completed, ...counted } as unknown as QueueStats;
  };
  const watch = await QueueWatch.start({ stats, clock, patienceMs: 10_000, signal: closing.signal });
  return { watch, clock, closing };
}

/** How far a promise is, without waiting for it. */
function stateOf(promise: Promise<unknown>): () => string {
  let state = 'pending';
  promise.then(
    () => (state = 'settled'),
    (error: Error) => (state = error.message),
  );
  return () => state;
}

const away = (): Error => new RedisUnavailableError('away', { reason: 'connection', outcomeUnknown: false });

test('a queue is settled when nothing waits any more', async () => {
  const scene: Scene = { waiting: 1, completed: 0 };
  const { watch, clock, closing } = await openWatch(scene);
  const state = stateOf(watch.settled());
  await clock.advance(1_000);
  expect(state()).toBe('pending');
  scene.waiting = 0;
  await clock.advance(1_000);
  expect(state()).toBe('settled');
  closing.abort();
});

test('what was seen before the last task was added does not count', async () => {
  const scene: Scene = { waiting: 0, completed: 0 };
  const { watch, clock, closing } = await openWatch(scene);
  await clock.advance(1_000);
  scene.waiting = 1;
  const state = stateOf(watch.settled());
  await clock.advance(1_000);
  expect(state()).toBe('pending');
  closing.abort();
});

test('a queue in which nothing moves is an error after a while, one that moves is not', async () => {
  const scene: Scene = { waiting: 1, completed: 0 };
  const { watch, clock, closing } = await openWatch(scene);
  // Still for long, because there was nothing to do: that is no reason.
  await clock.advance(60_000);
  const state = stateOf(watch.settled());
  await clock.advance(9_000);
  scene.completed = 1;
  await clock.advance(9_000);
  expect(state()).toBe('pending');
  await clock.advance(2_000);
  expect(state()).toBe('nothing has moved for 10 s, 1 tasks are open');
  closing.abort();
});

test('a Redis that is away for less than the patience is waited for', async () => {
  const scene: Scene = { waiting: 1, completed: 0, failure: undefined };
  const { watch, clock, closing } = await openWatch(scene);
  const state = stateOf(watch.settled());
  scene.failure = away();
  await clock.advance(9_000);
  expect(state()).toBe('pending');
  scene.failure = undefined;
  scene.waiting = 0;
  await clock.advance(1_000);
  expect(state()).toBe('settled');
  closing.abort();
});

test('a Redis that stays away, and a failure that time does not heal, are told as they are', async () => {
  const scene: Scene = { waiting: 1, completed: 0, failure: undefined };
  const { watch, clock, closing } = await openWatch(scene);
  const first = stateOf(watch.settled());
  scene.failure = away();
  await clock.advance(11_000);
  expect(first()).toBe('away');
  scene.failure = new Error('no such command');
  await clock.advance(200);
  const second = stateOf(watch.settled());
  await clock.advance(200);
  expect(second()).toBe('no such command');
  closing.abort();
});
