import { describe, expect, it } from 'vitest';
import { pauseWorker } from '../src/queue-chaos/pauses.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { quantiles, upperBound } from '../src/queue-chaos/quantiles.ts';
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
    console.log(
      `${lanes * pauses} pauses, ${tasks.length} late completions: ${stale.length} accepted (95 % bound ` +
        `${upperBound(tasks.length)}), ${tasks.filter(({ refused }) => refused).length} reported as refused; first sign of life to ` +
        `abort ms p50 ${told.p50.toFixed(1)} p99 ${told.p99.toFixed(1)} max ${told.max.toFixed(1)}; an unfenced resource ` +
        `was overwritten ${tasks.filter(({ unfencedOverwrite }) => unfencedOverwrite).length} times`,
    );
    expect(tasks).toHaveLength(lanes * pauses * tasksPerPause);
    expect(stale).toEqual([]);
    expect(tasks.filter(({ toldRight, refused }) => !toldRight || !refused)).toEqual([]);
    expect(told.p50).toBeLessThan(usuallyToldWithinMs);
    expect(told.max).toBeLessThan(leaseMs);
    // The control: where no token is checked, a late handler has the last word.
    expect(tasks.filter(({ unfencedOverwrite }) => unfencedOverwrite).length).toBeGreaterThan(0);
  });
});
