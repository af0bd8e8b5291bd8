import type { Queue } from '@lockstep/task-queue';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { collect, gate, openBench, until, type Bench, type Tasks } from './behaviour/kit.ts';

async function bench(): Promise<Bench & { readonly harness: MemoryHarness }> {
  const harness = memoryHarness();
  onTestFinished(() => harness[Symbol.asyncDispose]());
  return { harness, ...(await openBench(harness)) };
}

const calls: Readonly<Record<string, (queue: Queue<Tasks>) => Promise<unknown>>> = {
  enqueue: (queue) => queue.enqueue('note', { text: 'x' }),
  enqueueMany: (queue) => queue.enqueueMany([{ name: 'note', input: { text: 'x' } }]),
  result: (queue) => queue.result('id', { timeoutMs: 0 }),
  receive: (queue) => queue.receive(),
  get: (queue) => queue.get('id'),
  list: (queue) => collect(queue.list({ state: 'ready' })),
  cancel: (queue) => queue.cancel('id'),
  pause: (queue) => queue.pause(),
  resume: (queue) => queue.resume(),
  obliterate: (queue) => queue.obliterate(),
  stats: (queue) => queue.stats(),
  'deadLetters.list': (queue) => collect(queue.deadLetters.list()),
  'deadLetters.get': (queue) => queue.deadLetters.get('id'),
  'deadLetters.redrive by id': (queue) => queue.deadLetters.redrive({ ids: ['id'] }),
  'deadLetters.redrive by filter': (queue) => queue.deadLetters.redrive({ filter: {} }),
  'deadLetters.remove by id': (queue) => queue.deadLetters.remove({ ids: ['id'] }),
  'deadLetters.remove by filter': (queue) => queue.deadLetters.remove({ filter: {} }),
  'deadLetters.stats': (queue) => queue.deadLetters.stats(),
};

describe.each(Object.entries(calls))('%s', (_, call) => {
  test('is refused once its queue is closed', async () => {
    const { queue } = await bench();
    await queue.close();
    await expect(call(queue)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('is refused once its connection is closed', async () => {
    const { queue, redis } = await bench();
    await redis.close();
    await expect(call(queue)).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a closed queue', () => {
  test('starts no worker, whether it was made before or after', async () => {
    const { queue } = await bench();
    const handlers = { add: () => 0, note: () => undefined };
    const before = queue.worker({ handlers });
    await queue.close();
    await expect(Promise.resolve().then(() => before.start())).rejects.toMatchObject({ code: 'CLOSED' });
    const after = Promise.resolve().then(() => queue.worker({ handlers }).start());
    await expect(after).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('tells its health, which never rejects, and closes again', async () => {
    const { queue } = await bench();
    await queue.close();
    expect((await queue.health()).checks.length).toBeGreaterThan(0);
    expect(await queue.close()).toMatchObject({ finished: 0, returned: 0, aborted: 0 });
  });

  test('ends a list that is being read, and a wait for a task or for a result', async () => {
    const { queue } = await bench();
    const { id } = await queue.enqueue('note', { text: 'x' }, { delayMs: 60_000 });
    await queue.enqueueMany([1, 2, 3].map(() => ({ name: 'note' as const, input: { text: 'x' } })));
    const listed = queue.list({ state: 'ready' });
    await listed.next();
    await queue.pause();
    const waits = [queue.result(id, { timeoutMs: 60_000 }), queue.receive({ waitMs: 60_000 })];
    const outcomes = Promise.allSettled(waits);
    await queue.close();
    expect(await outcomes).toMatchObject([{ reason: { code: 'CLOSED' } }, { reason: { code: 'CLOSED' } }]);
    await expect(collect(listed)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('lets a wait see the task that its worker finishes while it drains', async () => {
    const { harness, queue, work } = await bench();
    const door = gate();
    let running = false;
    const add = async (): Promise<number> => {
      running = true;
      await door.opened;
      return 2;
    };
    const { id } = await queue.enqueue('add', { a: 1, b: 1 });
    await work({ add });
    await until(harness, () => expect(running).toBe(true));
    const waiting = queue.result(id, { timeoutMs: 60_000 });
    const closing = queue.close();
    door.open();
    await closing;
    expect(await waiting).toEqual({ status: 'completed', output: 2 });
  });
});
