import { createQueue, task } from '@lockstep/task-queue';
import { memoryConnection } from '@lockstep/testing';
import { expect, test } from 'vitest';
import { z } from 'zod';

const slow = z.string().refine((text) => Promise.resolve(text !== 'bad'), { error: 'must not be bad' });

test('many tasks are added together or not at all, whatever is wrong and whenever it turns out', async () => {
  await using connection = await memoryConnection();
  const tasks = { quick: task({ input: z.string() }), slow: task({ input: slow }) };
  await using queue = createQueue({ redis: connection.redis, name: 'many', tasks });
  const bad = { name: 'slow', input: 'bad' } as const;
  await expect(queue.enqueueMany([bad, { name: 'none', input: 'x' } as never])).rejects.toMatchObject({
    code: 'CONFIGURATION',
    path: 'entries[1].name',
  });
  await expect(queue.enqueueMany([{ name: 'quick', input: 'x' }, bad])).rejects.toThrow('must not be bad');
  expect(await queue.stats()).toMatchObject({ enqueued: 0 });

  const good = [
    { name: 'quick', input: 'a' },
    { name: 'slow', input: 'b' },
    { name: 'quick', input: 'c', priority: 'high' },
  ] as const;
  const added = await queue.enqueueMany(good);
  expect(added.map(({ duplicate }) => duplicate)).toEqual([false, false, false]);
  expect(await queue.stats()).toMatchObject({ enqueued: 3, ready: { high: 1, normal: 2 } });
});
