import { join } from 'node:path';
import { sleep, systemClock, type Clock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { createQueue } from '@lockstep/task-queue';
import { eventually, loadHistory, operationsOf } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { startProcess } from '../src/queue-chaos/child-process.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { quantiles, type Quantiles } from '../src/queue-chaos/quantiles.ts';
import { skewedQueue } from '../src/queue-chaos/queues.ts';
import { scratchFolder } from '../src/queue-chaos/scratch-folder.ts';
import { SeededRandom } from '../src/queue-chaos/seeded-random.ts';
import { silentLogger } from '../src/queue-chaos/silent-logger.ts';
import { startStandalone } from '../src/servers/standalone.ts';

const hourMs = 3_600_000;
const skews = [-hourMs, hourMs];
const leaseMs = 2_000;
const tasks = chaosProfile() === 'full' ? 200 : 40;
const longTasks = 4;

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
    await eventually(async () => expect((await queue.stats()).completed).toBe(tasks), { timeoutMs: 30_000 });
  } else await sleep(systemClock, leaseMs);
  const runs = operationsOf(await loadHistory(...files)).filter(({ f }) => f === 'run');
  const errors = runs.map(({ input }) => Number(input));
  return {
    early: errors.filter((error) => error < 0),
    errorMs: quantiles(errors),
    repeated: runs.length - new Set(runs.map(({ key }) => key)).size,
  };
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

function say(name: string, { early, errorMs, repeated }: DelayError): void {
  const { n, p50, p99, max } = errorMs;
  console.log(
    `${name}: n ${n}, ${early.length} early, ${repeated} repeated; delay error ms p50 ${p50} p99 ${p99} max ${max}`,
  );
}

describe(
  'workers and producers whose clocks are an hour off, one each way',
  { timeout: profileTimeoutMs },
  () => {
    it('run nothing early, nothing twice, and as punctually as with right clocks', async () => {
      // At the same time, so that both have the same of the machine.
      const [right, wrong] = await Promise.all([delayErrors([0, 0], 'delay'), delayErrors(skews, 'delay')]);
      say('right clocks', right);
      say('clocks at -1 h and +1 h', wrong);
      expect(wrong.errorMs.n).toBe(tasks);
      expect(wrong.early).toEqual([]);
      expect(wrong.repeated).toBe(0);
      // 100 ms is the promise; where the machine itself is later than that, as the right clocks show, so may these be.
      expect(wrong.errorMs.p50).toBeLessThanOrEqual(Math.max(100, right.errorMs.p50 * 1.5));
      expect(wrong.errorMs.p99).toBeLessThanOrEqual(Math.max(100, right.errorMs.max * 2));
    });

    it('would be found early if the moment were taken from their own clocks', async () => {
      const control = await delayErrors(skews, 'own clock');
      say('moments by wrong clocks', control);
      expect(control.early.length).toBeGreaterThan(0);
    });
  },
);
