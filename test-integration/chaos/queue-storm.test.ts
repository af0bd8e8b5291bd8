import { describe, expect, it } from 'vitest';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { keepReport } from '../src/queue-chaos/report-page.ts';
import { runStorm, type StormOptions } from '../src/queue-chaos/storm.ts';
import { judgeStorm, resumeBoundMs } from '../src/queue-chaos/storm-oracle.ts';
import { stormReport } from '../src/queue-chaos/storm-report.ts';

const profiles: Readonly<Record<'light' | 'full', StormOptions>> = {
  light: { tasks: 3_000, workers: 3, concurrency: 20, leaseMs: 1_000, kills: 15, restarts: 2 },
  full: { tasks: 100_000, workers: 8, concurrency: 20, leaseMs: 2_000, kills: 200, restarts: 20 },
};

const test = 'test-integration/chaos/queue-storm.test.ts';

/** A small storm with one safeguard left out. */
const control: StormOptions = {
  tasks: 400,
  workers: 2,
  concurrency: 5,
  leaseMs: 1_000,
  kills: 0,
  restarts: 0,
};

describe('a task queue whose workers and Redis are killed', () => {
  it(
    'loses nothing, repeats only what an expired lease gave away, and recovers in time',
    { timeout: profileTimeoutMs },
    async () => {
      const profile = chaosProfile();
      const record = await runStorm({ ...profiles[profile], onProgress: (line) => console.log(line) });
      const verdict = judgeStorm(record);
      await keepReport('queue-storm', stormReport(record, verdict, test));
      const { tasks } = record.options;
      expect(verdict.delivery).toMatchObject({ valid: true, acknowledged: tasks, lost: [], unexpected: [] });
      expect(record.counters).toMatchObject({ enqueued: tasks, completed: tasks, dead: 0, left: 0 });
      expect(verdict.unexplained).toEqual([]);
      expect(verdict.tokenDisorder).toEqual([]);
      expect(verdict.repeated).toBeLessThanOrEqual(record.counters.reclaimed);
      expect(verdict.unrecovered).toEqual([]);
      expect(verdict.late).toEqual([]);
      expect(verdict.firstRunUnstalledMs.max).toBeLessThan(resumeBoundMs);
      expect(verdict.everyWorkerMs.p50).toBeLessThan(resumeBoundMs);
    },
  );
});

describe('the oracle of the storm', () => {
  it('reports lost tasks when Redis keeps nothing over a restart', async () => {
    const record = await runStorm({ ...control, restarts: 1, without: 'persistence', drainMs: 3_000 });
    expect(judgeStorm(record).delivery.lost.length).toBeGreaterThan(0);
  });

  it('reports lost tasks when workers acknowledge before they work', async () => {
    const record = await runStorm({ ...control, kills: 4, without: 'late-acknowledgement', drainMs: 5_000 });
    expect(judgeStorm(record).delivery.lost.length).toBeGreaterThan(0);
  });

  it('reports unexplained repetitions when leases end early', async () => {
    const record = await runStorm({ ...control, kills: 2, without: 'leases', drainMs: 5_000 });
    expect(judgeStorm(record).unexplained.length).toBeGreaterThan(0);
  });
});
