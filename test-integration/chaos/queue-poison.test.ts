import { sleep, systemClock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { createQueue, defineQueue, task, type DeadLetter } from '@lockstep/task-queue';
import { eventually } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { anyInput } from '../src/queue-chaos/any-input.ts';
import { childBundle } from '../src/queue-chaos/child-bundle.ts';
import { Fleet } from '../src/queue-chaos/fleet.ts';
import { garble } from '../src/queue-chaos/garble.ts';
import { poisonKinds, poisonProblems, type JudgedLetter } from '../src/queue-chaos/poison-oracle.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { poisonQueue } from '../src/queue-chaos/queues.ts';
import { figuresTable, keepReport } from '../src/queue-chaos/report-page.ts';
import { scratchFolder } from '../src/queue-chaos/scratch-folder.ts';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startStandalone } from '../src/servers/standalone.ts';

const each = chaosProfile() === 'full' ? 20 : 3;
const leaseMs = 500;

/** Keeps two workers alive, however often their tasks end them. */
async function keepAlive(fleet: Fleet, stopped: AbortSignal): Promise<void> {
  const life = async (): Promise<void> => {
    while (!stopped.aborted) await fleet.add().exited;
  };
  await Promise.all([life(), life()]);
}

describe('poison', { timeout: profileTimeoutMs }, () => {
  it('ends among the dead letters exactly once, with its reason and history; the rest is done', async () => {
    await using folder = await scratchFolder();
    await using server = await startStandalone({ appendonly: 'always' });
    await using redis = await connect(server.url, { logger: silentLogger });
    const producers = poisonQueue('poison', leaseMs);
    // As it was before the schema was changed.
    const changed = task({ input: anyInput<unknown>() });
    const queue = createQueue({ redis, ...producers, tasks: { ...producers.tasks, changed } });
    for (const kind of poisonKinds) {
      for (let n = 0; n < each; n += 1)
        await queue.enqueue(kind === 'garbled' ? 'fine' : kind, { n }, { id: `${kind}-${n}` });
    }
    const garbled = Array.from({ length: each }, (_, n) => `garbled-${n}`);
    await garble(server, 'poison', garbled);
    const fine = each * 10;
    for (let n = 0; n < fine; n += 1) await queue.enqueue('fine', { n }, { id: `fine-${n}` });

    const stopped = new AbortController();
    const spec = { role: 'poison', url: server.url, queue: 'poison', leaseMs, concurrency: 1 } as const;
    await using fleet = new Fleet({ ...spec, folder: folder.path }, await childBundle());
    const lives = keepAlive(fleet, stopped.signal);
    await eventually(
      async () => {
        const { dead, completed } = await queue.stats();
        expect({ dead, completed }).toEqual({ dead: poisonKinds.length * each, completed: fine });
      },
      { timeoutMs: profileTimeoutMs, intervalMs: 200 },
    );
    stopped.abort();
    await fleet[Symbol.asyncDispose]();
    await lives;

    const letters: DeadLetter[] = [];
    for await (const letter of queue.deadLetters.list()) letters.push(letter);
    const problems = poisonProblems(letters, each);
    expect(problems).toEqual([]);
    const stats = await queue.stats();
    expect(stats).toMatchObject({ died: poisonKinds.length * each, leased: 0, delayed: 0 });
    await keepReport('queue-poison', {
      title: 'Poison: tasks that no worker can finish',
      about:
        `${each} tasks of each of ${poisonKinds.length} kinds among ${fine} that are fine; two worker processes of ` +
        `concurrency 1, started again whenever a task ended them; leases of ${leaseMs} ms.`,
      test: 'test-integration/chaos/queue-poison.test.ts',
      redisVersion: (await server.info('redis_version')) ?? 'unknown',
      tables: [
        {
          head: ['kind', 'dead letters', 'reasons', 'deliveries', 'failures kept'],
          rows: poisonKinds.map((kind) => kindRow(kind, letters)),
        },
        figuresTable([
          ['fine tasks completed', stats.completed],
          ['dead letters with a wrong reason or history', problems.length],
          ['worker lives', fleet.all.length],
        ]),
      ],
      notes: '`killed` and `exits` end the process of their worker, `changed` no longer fits its schema.',
    });
  });
});

function kindRow(kind: string, letters: readonly DeadLetter[]): (string | number)[] {
  const own = letters.filter(({ id }) => id.startsWith(`${kind}-`));
  const all = (values: readonly (string | number)[]): string => [...new Set(values)].join(', ');
  return [
    kind,
    own.length,
    all(own.map(({ reason }) => reason)),
    all(own.map(({ deliveries }) => deliveries)),
    all(own.map(({ history }) => history.length)),
  ];
}

describe('the oracle of poison', () => {
  const good: readonly JudgedLetter[] = [
    letter('throws', 'attempts', [3, 3], ['TypeError', 'TypeError', 'TypeError']),
    letter('hangs', 'attempts', [3, 3], ['TASK_TIMEOUT', 'TASK_TIMEOUT', 'TASK_TIMEOUT']),
    letter('killed', 'max-deliveries', [0, 3], []),
    letter('exits', 'max-deliveries', [0, 3], []),
    letter('changed', 'payload', [1, 1], ['PAYLOAD_INVALID']),
    letter('garbled', 'payload', [1, 1], ['PAYLOAD_INVALID']),
  ];

  function letter(
    kind: string,
    reason: string,
    [attempts, deliveries]: readonly [number, number],
    errors: readonly string[],
  ): JudgedLetter {
    const history = errors.map((error) => ({ name: error, code: error }));
    return { id: `${kind}-0`, reason, attempts, deliveries, history };
  }

  const without = (at: number, change: Partial<JudgedLetter>): readonly JudgedLetter[] =>
    good.map((one, index) => (index === at ? { ...one, ...change } : one));

  it('accepts what is right', () => {
    expect(poisonProblems(good, 1)).toEqual([]);
  });

  it.each([
    ['a task that is missing', good.slice(1), 'throws-0 is there 0 times'],
    ['a task that is dead twice', [...good, good[0]!], 'throws-0 is there 2 times'],
    ['a task that was none', without(0, { id: 'fine-0' }), 'fine-0 is no poison'],
    ['a crash that burnt attempts', without(2, { reason: 'attempts' }), 'killed-0 died of attempts'],
    ['a crash that was tried too often', without(3, { deliveries: 4 }), 'exits-0 had 4 deliveries'],
    ['a crash with a history', without(2, { history: [{ name: 'Error' }] }), 'killed-0 has 1 failures'],
    ['a failure that was tried too often', without(0, { attempts: 4 }), 'throws-0 had 4 attempts'],
    ['a failure without its history', without(1, { history: [] }), 'hangs-0 has 0 failures'],
    [
      'a failure of another kind',
      without(4, { history: [{ name: 'Error' }] }),
      'changed-0 failed with Error',
    ],
  ])('finds %s', (_, letters, problem) => {
    expect(poisonProblems(letters, 1)).toContain(problem);
  });
});

const known = task({ input: anyInput<null>() });
const oldQueue = (unknownTaskMs: number) => defineQueue({ name: 'deploy', unknownTaskMs, tasks: { known } });
const newQueue = defineQueue({ name: 'deploy', tasks: { known, fresh: task({ input: anyInput<null>() }) } });
const count = 20;

/** A producer that is deployed first, old workers for a while, and new ones then. */
async function deploy(
  unknownTaskMs: number,
): Promise<{ readonly dead: number; readonly attempts: Set<number> }> {
  await using server = await startStandalone();
  await using redis = await connect(server.url, { logger: silentLogger });
  const produced = createQueue({ redis, ...newQueue });
  for (let n = 0; n < count; n += 1) {
    await produced.enqueue('fresh', null);
    await produced.enqueue('known', null);
  }
  const seen = new Set<number>();
  const old = createQueue({ redis, ...oldQueue(unknownTaskMs) }).worker({ handlers: { known: () => {} } });
  await old.start();
  await eventually(async () => expect((await produced.stats()).completed).toBe(count));
  // Long enough for unknown tasks to come round more than once.
  await sleep(systemClock, 2_500);
  await old.stop();
  const fresh = (_: null, { attempt, delivery }: { attempt: number; delivery: number }): void => {
    seen.add(attempt).add(delivery);
  };
  await using worker = produced.worker({ handlers: { known: () => {}, fresh } });
  await worker.start();
  await eventually(
    async () => {
      const { completed, dead } = await produced.stats();
      expect(completed + dead).toBe(2 * count);
    },
    { timeoutMs: 60_000 },
  );
  return { dead: (await produced.stats()).dead, attempts: seen };
}

describe('a producer that is deployed before the workers', () => {
  it('loses nothing to old workers, and its new tasks have used neither attempt nor delivery', async () => {
    expect(await deploy(3_600_000)).toEqual({ dead: 0, attempts: new Set([1]) });
  });

  it('would lose them all if unknown tasks were not kept', async () => {
    expect((await deploy(0)).dead).toBe(count);
  });
});
