import { describe, expect, it } from 'vitest';
import { pauseWorker } from '../src/queue-chaos/pauses.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { quantiles, upperBound } from '../src/queue-chaos/quantiles.ts';
import { figuresTable, keepReport, timesTable } from '../src/queue-chaos/report-page.ts';
import { scratchFolder } from '../src/queue-chaos/scratch-folder.ts';
import { startStandalone } from '../src/servers/standalone.ts';

const { lanes, pauses } = chaosProfile() === 'full' ? { lanes: 2, pauses: 100 } : { lanes: 1, pauses: 10 };
const tasksPerPause = 5;
const leaseMs = 400;

/** All timers of a thawed process are due at once. The median is the toolkit's doing, the slowest the machine's as well. */
const usuallyToldWithinMs = 10;

describe('a worker that is frozen beyond its lease', { timeout: profileTimeoutMs }, () => {
  it('has every late completion refused and its handlers told at once', async () => {
    await using folder = await scratchFolder();
    await using server = await startStandalone({ appendonly: 'always' });
    const lane = (_: unknown, index: number) =>
      pauseWorker(server, { lane: `lane-${index}`, folder: folder.path, pauses, tasksPerPause, leaseMs });
    const tasks = (await Promise.all(Array.from({ length: lanes }, lane))).flat();
    const told = quantiles(tasks.map(({ toldAfterMs }) => toldAfterMs));
    const stale = tasks.filter(({ completedBy }) => completedBy !== 'survivor');
    await keepReport('queue-pauses', {
      title: 'Pauses: a worker frozen beyond its lease',
      about:
        `${lanes} worker processes, each stopped by SIGSTOP ${pauses} times while it held ${tasksPerPause} tasks, until ` +
        `their leases of ${leaseMs} ms had ended and another had completed them; then resumed, to complete them as well.`,
      test: 'test-integration/chaos/queue-pauses.test.ts',
      redisVersion: (await server.info('redis_version')) ?? 'unknown',
      tables: [
        figuresTable([
          ['pauses', lanes * pauses],
          ['late completions', tasks.length],
          ['of these accepted', `${stale.length} (95 % bound ${upperBound(tasks.length)})`],
          ['reported to the late worker as refused', tasks.filter(({ refused }) => refused).length],
          [
            'handlers told with LeaseLostError, their lease already invalid',
            tasks.filter(({ toldRight }) => toldRight).length,
          ],
          [
            'control: a resource that checks no token was overwritten',
            tasks.filter(({ unfencedOverwrite }) => unfencedOverwrite).length,
          ],
        ]),
        timesTable([['first sign of life to the abort of the signal', told]], 1),
      ],
      notes: 'The median is the doing of the toolkit, the slowest that of the machine as well.',
    });
    expect(tasks).toHaveLength(lanes * pauses * tasksPerPause);
    expect(stale).toEqual([]);
    expect(tasks.filter(({ toldRight, refused }) => !toldRight || !refused)).toEqual([]);
    expect(told.p50).toBeLessThan(usuallyToldWithinMs);
    expect(told.max).toBeLessThan(leaseMs);
    // The control: where no token is checked, a late handler has the last word.
    expect(tasks.filter(({ unfencedOverwrite }) => unfencedOverwrite).length).toBeGreaterThan(0);
  });
});
