import { checkDelivery } from '@lockstep/testing';
import type { DeliveryReport, Operation } from '@lockstep/testing';
import { quantiles, type Quantiles } from './quantiles.ts';
import { endedRuns, runsById, tokenDisorder, unexplainedRuns, type Overlap, type RunsById } from './runs.ts';
import { stalledMs } from './stall-watch.ts';
import type { Life, Outage, StormRecord } from './storm.ts';

/** A task whose run was cut short by a SIGKILL, and when it ran again. */
export interface Recovery {
  readonly id: string;
  /** From the kill to the next run. */
  readonly tookMs: number;
  /** How long Redis was away in the meantime, and what workers then may take to resume. */
  readonly outageMs: number;
  /** For how long the machine gave the test process itself no CPU in the meantime. */
  readonly stalledMs: number;
  /**
   * How many leases it may have taken: one, and one more for each worker that was killed when the one before ended; it may
   * have had the task and not yet begun.
   */
  readonly leases: number;
  /** When the last of these leases ended, counted from the kill. */
  readonly leasesMs: number;
}

export interface StormVerdict {
  readonly delivery: DeliveryReport;
  readonly runs: number;
  /** Runs of tasks that had run before. */
  readonly repeated: number;
  /** Repeated after a run that had come to its end: its effect happened twice. */
  readonly repeatedAfterEnd: number;
  readonly unexplained: readonly Overlap[];
  readonly tokenDisorder: readonly string[];
  readonly recoveries: readonly Recovery[];
  /** Runs cut short by a kill that never ran again. */
  readonly unrecovered: readonly string[];
  /** Kill to next run, less the lease, with Redis there all the time. */
  readonly recoveryOverLeaseMs: Quantiles;
  /** Recoveries that took longer than their leases, what Redis was away, stalls, and {@link recoverySlackMs}. */
  readonly late: readonly Recovery[];
  /** Redis accepting to the first run that any worker began. */
  readonly firstRunMs: Quantiles;
  /** The same, less the time for which the machine gave the test process itself no CPU. */
  readonly firstRunUnstalledMs: Quantiles;
  /** Redis accepting to the first run of each worker that lived through it and was not idle. */
  readonly everyWorkerMs: Quantiles;
}

/** How long after the end of a lease another worker may take to run the task. */
const recoverySlackMs = 1_000;

/** Between the server's clock, by which leases end, and the machine's. */
const clockSlackMs = 100;

/** How long after Redis accepts again workers may take to go on. */
export const resumeBoundMs = 2_000;

/** Judges a storm by what the processes wrote down, outside the Redis under test. */
export function judgeStorm(record: StormRecord): StormVerdict {
  const { history, options, lives, outages } = record;
  const delivery = checkDelivery(endedRuns(history), { receive: 'run', allowDuplicates: true });
  const runs = runsById(history);
  const all = [...runs.values()].flat();
  const found = recoveriesOf(record, runs);
  const undisturbed = found.recoveries.filter(({ outageMs, leases }) => outageMs === 0 && leases === 1);
  const firstRuns = outages.map(({ until }) => ({
    until,
    run: firstOf(all.filter(({ invokedAt }) => invokedAt > until)),
  }));
  return {
    delivery,
    runs: all.length,
    repeated: all.length - runs.size,
    repeatedAfterEnd: [...runs.values()].reduce((sum, list) => sum + Math.max(ended(list) - 1, 0), 0),
    unexplained: unexplainedRuns(runs),
    tokenDisorder: tokenDisorder(runs),
    ...found,
    late: found.recoveries.filter(
      (recovery) =>
        recovery.tookMs > recovery.leasesMs + recovery.outageMs + recovery.stalledMs + recoverySlackMs,
    ),
    recoveryOverLeaseMs: quantiles(undisturbed.map(({ tookMs }) => tookMs - options.leaseMs)),
    firstRunMs: quantiles(firstRuns.map(({ until, run }) => run - until)),
    firstRunUnstalledMs: quantiles(
      firstRuns.map(({ until, run }) => run - until - stalledMs(record.stalls, until, run)),
    ),
    everyWorkerMs: quantiles(outages.flatMap((outage) => resumeTimes(outage, lives, all))),
  };
}

function allowance(outages: readonly Outage[], from: number, until: number): number {
  const between = outages.filter((outage) => outage.from < until && outage.until > from);
  return between.reduce((sum, outage) => sum + outage.until - outage.from + resumeBoundMs, 0);
}

function ended(list: readonly Operation[]): number {
  return list.filter(({ type }) => type === 'ok').length;
}

function recoveriesOf(
  { options, lives, outages, stalls }: StormRecord,
  runs: RunsById,
): Pick<StormVerdict, 'recoveries' | 'unrecovered'> {
  const killedAt = new Map(lives.map((life) => [life.name, life.killedAt]));
  const kills = lives.flatMap((life) => life.killedAt ?? []).toSorted((a, b) => a - b);
  const recoveries: Recovery[] = [];
  const unrecovered: string[] = [];
  for (const [id, list] of runs) {
    list.forEach((run, at) => {
      const killed = killedAt.get(run.process);
      if (run.type !== 'info' || killed === undefined) return;
      const next = list[at + 1];
      if (next === undefined) {
        unrecovered.push(id);
        return;
      }
      const outageMs = allowance(outages, killed, next.invokedAt);
      const stalled = stalledMs(stalls, killed, next.invokedAt);
      const before = kills.filter((kill) => kill < next.invokedAt);
      const chain = leaseChain(before, killed, options.leaseMs, outageMs + stalled);
      recoveries.push({ id, tookMs: next.invokedAt - killed, outageMs, stalledMs: stalled, ...chain });
    });
  }
  return { recoveries, unrecovered };
}

/** Follows the leases of a task from the kill of its holder on, as long as each ended just before another kill. */
function leaseChain(
  kills: readonly number[],
  killed: number,
  leaseMs: number,
  delayedMs: number,
): Pick<Recovery, 'leases' | 'leasesMs'> {
  let leases = 1;
  let end = killed + leaseMs;
  for (const kill of kills) {
    if (kill < end - clockSlackMs || kill > end + recoverySlackMs + delayedMs) continue;
    leases += 1;
    end = kill + leaseMs;
  }
  return { leases, leasesMs: end - killed };
}

/** How long after the outage each worker that lived through it began its first run. */
function resumeTimes({ from, until }: Outage, lives: readonly Life[], runs: readonly Operation[]): number[] {
  const through = lives.filter(
    ({ readyAt = Infinity, killedAt = Infinity }) => readyAt < from && killedAt > until + resumeBoundMs,
  );
  return through.flatMap(({ name }) => {
    const after = runs.filter(({ process, invokedAt }) => process === name && invokedAt > until);
    return after.length === 0 ? [] : [firstOf(after) - until];
  });
}

function firstOf(runs: readonly Operation[]): number {
  return runs.reduce((least, { invokedAt }) => Math.min(least, invokedAt), Infinity);
}
