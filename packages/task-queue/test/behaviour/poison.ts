import { createEngine } from '@lockstep/delivery/internal';
import { createQueue, task } from '@lockstep/task-queue';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { collect, connected, openBench, until } from './kit.ts';

/** Bodies that no producer of this release writes. */
const unreadable = {
  'no-header': '1note',
  'newer-format': '9note\n1{"text":"x"}',
  'not-json': '1note\n1{"text":',
  'newer-payload': '1note\n9{"text":"x"}',
  empty: '',
};

export function poisonBehaviour(harness: BehaviourHarness): void {
  describe('poison', () => {
    test('that cannot be read is a dead letter at once, and what can be read runs', async () => {
      const { queue, redis, work } = await openBench(harness);
      const raw = createEngine({ redis, kind: 'queue', name: queue.name });
      await raw.enqueue(Object.entries(unreadable).map(([id, body]) => ({ id, body })));
      await queue.enqueue('note', { text: 'fine' });
      const seen: string[] = [];
      await work({ note: ({ text }) => void seen.push(text) }, { concurrency: 1 });
      await until(harness, () => expect(seen).toEqual(['fine']));
      const letters = await collect(queue.deadLetters.list());
      expect(letters.map(({ id }) => id).toSorted()).toEqual(Object.keys(unreadable).toSorted());
      for (const letter of letters) {
        expect(letter).toMatchObject({
          input: undefined,
          reason: 'payload',
          attempts: 1,
          deliveries: 1,
          history: [{ code: 'PAYLOAD_INVALID' }],
        });
      }
      const { byTask, recommendations } = await queue.deadLetters.stats();
      expect(byTask).toMatchObject({ note: { count: 2 }, '': { count: 3 } });
      expect(recommendations).toContainEqual(expect.stringContaining('tasks that cannot be read'));
    });

    test('that cannot be read is not handed out by receive', async () => {
      const { queue, redis } = await openBench(harness);
      const raw = createEngine({ redis, kind: 'queue', name: queue.name });
      await raw.enqueue(Object.entries(unreadable).map(([id, body]) => ({ id, body })));
      expect(await queue.receive({ max: 10 })).toEqual([]);
      expect(await queue.stats()).toMatchObject({ dead: 5, leased: 0 });
    });

    test('is not what a check that could not be made finds: the task is tried again', async () => {
      const redis = await connected(harness);
      let reachable = true;
      const input = z.string().refine(() => {
        if (!reachable) throw new Error('directory unreachable');
        return true;
      });
      const tasks = { t: task({ input, backoff: { type: 'fixed', delayMs: 20 }, visibilityTimeoutMs: 600 }) };
      const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
      const attempts: number[] = [];
      const { id } = await queue.enqueue('t', 'x');
      reachable = false;
      expect(await queue.receive()).toEqual([]);
      reachable = true;
      expect(await queue.get(id)).toMatchObject({
        attempts: 1,
        history: [{ message: 'directory unreachable' }],
      });
      const worker = queue.worker({ handlers: { t: (_, { attempt }) => void attempts.push(attempt) } });
      await worker.start();
      await until(harness, () => expect(attempts).toEqual([2]));
    });
  });
}
