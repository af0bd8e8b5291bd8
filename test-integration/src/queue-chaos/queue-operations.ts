import { isLockstepError } from '@lockstep/core';
import type { Queue, ReceivedTask } from '@lockstep/task-queue';
import type { HistoryRecorder } from '@lockstep/testing';
import type { stormQueue } from './queues.ts';

type Tasks = ReturnType<typeof stormQueue>['tasks'];

/** A queue whose tasks are taken by hand, and what became of each, for the oracle. */
export interface ManualQueue {
  readonly queue: Queue<Tasks>;
  readonly history: HistoryRecorder;
  /** A queue beside it, to be thrown away with all that is in it. */
  readonly scrap: Queue<Tasks>;
  /** What a worker does once a minute. */
  readonly sweep: () => Promise<unknown>;
  /** An id that was not used before. */
  readonly nextId: () => string;
}

/** Everything a queue does in a script of its own. Each may fail with a typed error; none may lose a task. */
export const queueOperations = {
  enqueue: ({ queue, history, nextId }) => {
    const id = nextId();
    return recorded(history, 'send', id, () => queue.enqueue('work', { ms: 0 }, { id }));
  },
  'enqueue later': ({ queue, history, nextId }) => {
    const id = nextId();
    return recorded(history, 'send', id, () => queue.enqueue('work', { ms: 0 }, { id, delayMs: 50 }));
  },
  'receive and complete': (manual) =>
    withTask(manual, (task) => recorded(manual.history, 'receive', task.id, () => task.complete())),
  'receive and retry': (manual) => withTask(manual, (task) => task.retry({ delayMs: 0 })),
  'receive and release': (manual) => withTask(manual, (task) => task.release()),
  'receive and reject': (manual) => withTask(manual, (task) => task.reject('no good')),
  'extend a lease': (manual) =>
    withTask(manual, async (task) => {
      await task.extend(5_000);
      await task.release();
    }),
  'report progress': (manual) =>
    withTask(manual, async (task) => {
      await task.progress(0.5, 'half');
      await task.release();
    }),
  cancel: async ({ queue, history, nextId }) => {
    const id = nextId();
    await recorded(history, 'send', id, () => queue.enqueue('work', { ms: 0 }, { id, delayMs: 60_000 }));
    await recorded(history, 'receive', id, () => queue.cancel(id));
  },
  'pause and resume': async ({ queue }) => {
    await queue.pause();
    await queue.resume();
  },
  'remove a dead letter': async ({ queue, history }) => {
    for await (const { id } of queue.deadLetters.list()) {
      // Removed as asked, it is dealt with.
      return recorded(history, 'receive', id, () => queue.deadLetters.remove({ ids: [id] }));
    }
  },
  'redrive all dead letters': async ({ queue }) => {
    const ids: string[] = [];
    for await (const { id } of queue.deadLetters.list()) ids.push(id);
    if (ids.length > 0) await queue.deadLetters.redrive({ ids });
  },
  sweep: ({ sweep }) => sweep(),
  'fill and obliterate another queue': async ({ scrap }) => {
    await scrap.enqueue('work', { ms: 0 });
    await scrap.obliterate();
    const { enqueued, ready } = await scrap.stats();
    if (enqueued + ready.normal > 0) throw new Error(`${enqueued} tasks outlived the obliteration`);
  },
  'read it': async ({ queue }) => {
    await queue.stats();
    for await (const { id } of queue.list({ state: 'ready' })) {
      await queue.get(id);
      await queue.result(id, { timeoutMs: 0 });
    }
  },
} satisfies Record<string, (manual: ManualQueue) => Promise<unknown>>;

/** Something to take, and a dead letter, for every operation that needs one. */
export async function prepare(manual: ManualQueue, waiting: number): Promise<void> {
  const { queue } = manual;
  const { dead } = await queue.stats();
  if (dead === 0) {
    await queueOperations.enqueue(manual);
    await queueOperations['receive and reject'](manual);
  }
  const { ready } = await queue.stats();
  for (let n = ready.normal; n < waiting; n += 1) await queueOperations.enqueue(manual);
}

/** Takes and completes what is left, until nothing is. */
export async function drainByHand(manual: ManualQueue): Promise<void> {
  const { queue, history } = manual;
  await queue.resume();
  await queueOperations['redrive all dead letters'](manual);
  for (;;) {
    const tasks = await queue.receive({ max: 100, waitMs: 200 });
    const { leased, delayed, ready } = await queue.stats();
    if (tasks.length === 0 && leased + delayed + ready.normal === 0) return;
    for (const task of tasks) await recorded(history, 'receive', task.id, () => task.complete());
  }
}

/** Takes one task, if there is one. */
async function withTask(
  { queue }: ManualQueue,
  use: (task: ReceivedTask<Tasks>) => Promise<unknown>,
): Promise<void> {
  for (const task of await queue.receive({ max: 1, waitMs: 100 })) await use(task);
}

/** An outage leaves the outcome open; any other refusal means that nothing happened. */
async function recorded(
  history: HistoryRecorder,
  f: 'send' | 'receive',
  id: string,
  call: () => Promise<unknown>,
): Promise<void> {
  const open = history.invoke(f, { key: id, value: id });
  try {
    await call();
    open.ok({ value: id });
  } catch (error) {
    if (isLockstepError(error, 'REDIS_UNAVAILABLE') && error.outcomeUnknown) open.info();
    else open.fail();
    throw error;
  }
}
