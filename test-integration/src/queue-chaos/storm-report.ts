import { quantiles, upperBound, type Quantiles } from './quantiles.ts';
import { figuresTable, timesTable, type ReportPage } from './report-page.ts';
import type { StormRecord } from './storm.ts';
import type { StormVerdict } from './storm-oracle.ts';

/** The storm's figures as a page of the documentation. */
export function stormReport(record: StormRecord, verdict: StormVerdict, test: string): ReportPage {
  const { options, counters, outages, lives, seed, tookMs } = record;
  const { delivery } = verdict;
  const kills = lives.filter(({ killedAt }) => killedAt !== undefined).length - options.workers;
  const rows: readonly (readonly [string, string | number])[] = [
    ['tasks acknowledged', delivery.acknowledged],
    ['SIGKILLs of worker processes', kills],
    ['SIGKILLs and restarts of Redis (AOF, fsync always)', outages.length],
    ['tasks lost', `${delivery.lost.length} (95 % bound ${upperBound(delivery.acknowledged)} per task)`],
    ['left behind: waiting, leased, dead', `${counters.left}, ${counters.dead} dead`],
    ['completed, by the counter of Redis', counters.completed],
    ['runs begun', verdict.runs],
    ['runs of tasks that had run before', verdict.repeated],
    ['of these, after a run that had come to its end', verdict.repeatedAfterEnd],
    ['repeated although the lease before was good', verdict.unexplained.length],
    ['tokens out of order', verdict.tokenDisorder.length],
    ['leases that ran out, by the counter of Redis', counters.reclaimed],
    ['runs cut short by a kill that ran again', verdict.recoveries.length],
    ['later than lease + 1 s (+ outage + 2 s + stalls)', verdict.late.length],
  ];
  const stallTimes = quantiles(record.stalls.map(({ from, until }) => until - from));
  const times: readonly (readonly [string, Quantiles])[] = [
    ['kill to next run, less the lease; Redis there', verdict.recoveryOverLeaseMs],
    ['Redis away', quantiles(outages.map(({ from, until }) => until - from))],
    ['Redis accepting to the first run', verdict.firstRunMs],
    ['the same, less stalls of the test process', verdict.firstRunUnstalledMs],
    ['Redis accepting to the first run of each worker', verdict.everyWorkerMs],
    ['stalls: the machine gave the test process no CPU', stallTimes],
  ];
  return {
    title: 'Storm: workers and Redis killed under load',
    about:
      `${options.workers} worker processes of concurrency ${options.concurrency}, leases of ${options.leaseMs} ms, ` +
      `${options.tasks} tasks; took ${Math.round(tookMs / 1_000)} s; seed ${seed}.`,
    test,
    redisVersion: record.redisVersion,
    tables: [figuresTable(rows), timesTable(times)],
    notes:
      'Histories are files of the processes, outside Redis. A SIGKILL cannot tell fsync policies apart: this says nothing ' +
      'about a power cut. A repeated run counts as explained when it began after the deadline that the process before ' +
      'last knew of. A recovery may take a further lease for each worker that was killed just when the lease before ended.',
  };
}
