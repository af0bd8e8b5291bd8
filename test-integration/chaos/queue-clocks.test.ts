import { join } from 'node:path';
import { sleep, systemClock, type Clock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { createQueue, type Queue } from '@lockstep/task-queue';
import { eventually, loadHistory, operationsOf } from '@lockstep/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { startProcess } from '../src/queue-chaos/child-process.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { quantiles, type Quantiles } from '../src/queue-chaos/quantiles.ts';
import { skewedQueue } from '../src/queue-chaos/queues.ts';
import { keepReport, timesTable, type ReportPage } from '../src/queue-chaos/report-page.ts';
import { scratchFolder } from '../src/queue-chaos/scratch-folder.ts';
import { SeededRandom } from '../src/queue-chaos/seeded-random.ts';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startStandalone } from '../src/servers/standalone.ts';

const hourMs = 3_600_000;
const skews = [-hourMs, hourMs];
const leaseMs = 2_000;
const tasks = chaosProfile() === 'full' ? 200 : 40;
const longTasks = 4;
const warmUps = 200;

interface DelayError {
  readonly early: readonly number[];
  readonly errorMs: Quantiles;
  readonly repeated: number;
}

function skewedClock(skewMs: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + skewMs };
}

/**
 * Two workers and two producers whose clocks are off, one pair each way. `by` says how producers name the moment:
 * as a delay, or as a moment of their own clock.
 */
async function delayErrors(skewsOfAll: readonly number[], by: 'delay' | 'own clock'): Promise<DelayError> {
  await using folder = await scratchFolder();
  await using server = await startStandalone({ appendonly: 'always' });
  await using started = new AsyncStack();
  redisVersion = (await server.info('redis_version')) ?? redisVersion;
  const files = skewsOfAll.map((_, at) => join(folder.path, `worker-${at}.ndjson`));
  const children = await Promise.all(
    skewsOfAll.map((skewMs, at) =>
      startProcess({
        role: 'skewed',
        name: `worker-${at}`,
        url: server.url,
        queue: 'due',
        historyFile: files[at]!,
        leaseMs,
        concurrency: 50,
        skewMs,
      }),
    ),
  );
  started.add(...children);
  await Promise.all(children.map(({ ready }) => ready));
  const queues = await Promise.all(
    skewsOfAll.map(async (skewMs) => {
      const redis = await connect(server.url, { logger: silentLogger, clock: skewedClock(skewMs) });
      started.add(redis);
      return { queue: createQueue({ redis, ...skewedQueue('due', leaseMs) }), skewMs };
    }),
  );
  await warmUp(queues[0]!.queue);
  const random = new SeededRandom();
  console.log(`delays, seed ${random.seed}`);
  for (let at = 0; at < tasks; at += 1) {
    const { queue, skewMs } = queues[at % queues.length]!;
    const delayMs = random.between(100, 1_500);
    // A few run for several leases: a wrong clock must not end them early either.
    const ms = at < longTasks ? leaseMs * 2 : 0;
    const intendedAt = Date.now() + delayMs;
    const when = by === 'delay' ? { delayMs } : { runAt: Date.now() + skewMs + delayMs };
    await queue.enqueue('due', { intendedAt, ms }, when);
    await sleep(systemClock, 20);
  }
  const { queue } = queues[0]!;
  if (by === 'delay') {
    await eventually(async () => expect((await queue.stats()).completed).toBe(warmUps + tasks), {
      timeoutMs: 30_000,
    });
  } else await sleep(systemClock, leaseMs);
  const all = operationsOf(await loadHistory(...files)).filter(({ f }) => f === 'run');
  const runs = all.filter(({ key }) => !key!.startsWith('warm-'));
  const errors = runs.map(({ input }) => Number(input));
  return {
    early: errors.filter((error) => error < 0),
    errorMs: quantiles(errors),
    repeated: runs.length - new Set(runs.map(({ key }) => key)).size,
  };
}

/** What a process does for the first time takes it tens of milliseconds, which is no doing of its clock. */
async function warmUp(queue: Queue<ReturnType<typeof skewedQueue>['tasks']>): Promise<void> {
  for (let at = 0; at < warmUps; at += 1) {
    await queue.enqueue('due', { intendedAt: Date.now(), ms: 0 }, { id: `warm-${at}`, delayMs: at % 50 });
  }
  await eventually(async () => expect((await queue.stats()).completed).toBe(warmUps));
}

class AsyncStack implements AsyncDisposable {
  readonly #parts: AsyncDisposable[] = [];

  add(...parts: readonly AsyncDisposable[]): void {
    this.#parts.push(...parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.toReversed()) await part[Symbol.asyncDispose]();
  }
}

/** What the design promises, as the time between the moment asked for and the start of the handler. */
const promisedMs = 100;

const found: [name: string, error: DelayError][] = [];
let redisVersion = 'unknown';

function report(): ReportPage {
  return {
    title: 'Clocks: workers and producers an hour off',
    about:
      `${tasks} delayed tasks per line, two workers and two producers, one pair at -1 h and one at +1 h; delays of 100 to ` +
      `1,500 ms, ${longTasks} tasks that run for two leases of ${leaseMs} ms; after ${warmUps} tasks that do not count.`,
    test: 'test-integration/chaos/queue-clocks.test.ts',
    redisVersion,
    tables: [
      {
        head: ['clocks', 'run', 'early', 'repeated'],
        rows: found.map(([name, { errorMs, early, repeated }]) => [name, errorMs.n, early.length, repeated]),
      },
      timesTable(found.map(([name, { errorMs }]) => [name, errorMs])),
    ],
    notes:
      'Times are from the moment that was asked for to the start of the handler, by the true clock of the machine. The ' +
      'control names moments by wrong clocks: it has to be found early.',
  };
}

afterAll(() => keepReport('queue-clocks', report()));

describe(
  'workers and producers whose clocks are an hour off, one each way',
  { timeout: profileTimeoutMs },
  () => {
    it('run nothing early, nothing twice, and as punctually as with right clocks', async () => {
      const right = await delayErrors([0, 0], 'delay');
      const wrong = await delayErrors(skews, 'delay');
      found.push(['right', right], ['at -1 h and +1 h', wrong]);
      expect(wrong.errorMs.n).toBe(tasks);
      expect(wrong.early).toEqual([]);
      expect(wrong.repeated).toBe(0);
      expect(wrong.errorMs.max).toBeLessThanOrEqual(promisedMs);
    });

    it('would be found early if the moment were taken from their own clocks', async () => {
      const control = await delayErrors(skews, 'own clock');
      found.push(['control: moments by wrong clocks', control]);
      expect(control.early.length).toBeGreaterThan(0);
    });
  },
);
