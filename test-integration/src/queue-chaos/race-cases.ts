import { createQueue, task, type Queue } from '@lockstep/task-queue';
import { eventually, type BehaviourHarness } from '@lockstep/testing';
import { describe, expect, test } from 'vitest';
import { anyInput } from './any-input.ts';

const count = 400;
const tasks = { work: task({ input: anyInput<number>(), visibilityTimeoutMs: 60_000, maxAttempts: 1 }) };
type RaceQueue = Queue<typeof tasks>;

interface Pair extends AsyncDisposable {
  readonly one: RaceQueue;
  /** The same queue on another connection. */
  readonly other: RaceQueue;
}

async function pair(harness: BehaviourHarness): Promise<Pair> {
  const connections = [await harness.connect(), await harness.connect()] as const;
  const name = harness.uniqueName();
  const [one, other] = connections.map((redis) => createQueue({ redis, name, tasks })) as [
    RaceQueue,
    RaceQueue,
  ];
  return {
    one,
    other,
    async [Symbol.asyncDispose]() {
      await one.obliterate();
      await Promise.all(connections.map((redis) => redis.close()));
    },
  };
}

const ids = Array.from({ length: count }, (_, n) => `task-${n}`);

async function fill(queue: RaceQueue): Promise<void> {
  await queue.enqueueMany(ids.map((id, input) => ({ name: 'work' as const, input, id })));
}

async function bury(queue: RaceQueue): Promise<void> {
  await fill(queue);
  const leases = await queue.receive({ max: count });
  await Promise.all(leases.map((lease) => lease.reject('x')));
}

async function places(queue: RaceQueue): Promise<Record<string, number>> {
  const { ready, delayed, leased, dead } = await queue.stats();
  return { ready: ready.normal, delayed, leased, dead };
}

async function idsOf(list: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const found: string[] = [];
  for await (const { id } of list) found.push(id);
  return found;
}

/** What two callers do to the same tasks at once: each task ends in one place, and is counted once. */
export function raceCases(harness: BehaviourHarness): void {
  describe('calls that race', () => {
    test('cancel against a worker: a task either runs or is cancelled, and none does both', async () => {
      await using queues = await pair(harness);
      const { one, other } = queues;
      await fill(one);
      const ran = new Set<string>();
      const worker = other.worker({ handlers: { work: (_, { id }) => void ran.add(id) }, concurrency: 20 });
      await worker.start();
      const outcomes = await Promise.all(
        ids.toReversed().map(async (id) => [id, await one.cancel(id)] as const),
      );
      await eventually(async () =>
        expect(await places(one)).toEqual({ ready: 0, delayed: 0, leased: 0, dead: 0 }),
      );
      const cancelled = outcomes.filter(([, outcome]) => outcome === 'cancelled').map(([id]) => id);
      expect(cancelled.filter((id) => ran.has(id))).toEqual([]);
      expect(ran.size + cancelled.length).toBe(count);
      const stats = await one.stats();
      expect(stats.completed + stats.cancelled).toBe(count);
    });

    test('redrive against redrive and remove: each dead letter is moved by one of them', async () => {
      await using queues = await pair(harness);
      const { one, other } = queues;
      await bury(one);
      const fast = { ratePerSecond: 100_000 };
      const [first, second, removed] = await Promise.all([
        one.deadLetters.redrive({ filter: {} }, fast),
        other.deadLetters.redrive({ ids: ids.toReversed() }, fast),
        other.deadLetters.remove({ ids: ids.filter((_, n) => n % 3 === 0) }),
      ]);
      expect(first.changed + second.changed + removed.changed).toBe(count);
      const { redriven } = await one.stats();
      expect(redriven).toBe(first.changed + second.changed);
      expect(await places(one)).toEqual({ ready: redriven, delayed: 0, leased: 0, dead: 0 });
      const waiting = await idsOf(one.list({ state: 'ready' }));
      expect(new Set(waiting).size).toBe(waiting.length);
    });

    test('list against redrive: shows no letter twice, and those that stay at least once', async () => {
      await using queues = await pair(harness);
      const { one, other } = queues;
      await bury(one);
      const moved = new Set(ids.filter((_, n) => n % 2 === 0));
      const [listed] = await Promise.all([
        idsOf(one.deadLetters.list()),
        other.deadLetters.redrive({ ids: [...moved] }, { ratePerSecond: 100_000 }),
      ]);
      expect(new Set(listed).size).toBe(listed.length);
      expect(ids.filter((id) => !moved.has(id) && !listed.includes(id))).toEqual([]);
    });

    test('cancel against redrive: a letter that is not back yet is not found, one that is goes', async () => {
      await using queues = await pair(harness);
      const { one, other } = queues;
      await bury(one);
      const [{ changed }, cancels] = await Promise.all([
        one.deadLetters.redrive({ ids }, { ratePerSecond: 100_000 }),
        Promise.all(ids.map((id) => other.cancel(id))),
      ]);
      const cancelled = cancels.filter((outcome) => outcome === 'cancelled').length;
      expect(changed).toBe(count);
      expect(await places(one)).toEqual({ ready: count - cancelled, delayed: 0, leased: 0, dead: 0 });
    });
  });
}
