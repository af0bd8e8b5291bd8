import { createQueue, defineQueue, task } from '@lockstep/task-queue';
import { memoryConnection } from '@lockstep/testing';
import { expect, test } from 'vitest';
import { z } from 'zod';

const reminders = defineQueue({
  name: 'reminders',
  tasks: { remind: task({ input: z.object({ whom: z.string() }) }) },
});

test('a reminder in a minute is sent in a minute, without waiting for it', async () => {
  await using connection = await memoryConnection();
  const queue = createQueue({ redis: connection.redis, ...reminders });
  const sent: string[] = [];
  await queue.worker({ handlers: { remind: ({ whom }) => void sent.push(whom) } }).start();

  await queue.enqueue('remind', { whom: 'Ada' }, { delayMs: 60_000 });
  await connection.clock.advance(59_000);
  expect(sent).toEqual([]);
  await connection.clock.advance(2_000);
  expect(sent).toEqual(['Ada']);
});
