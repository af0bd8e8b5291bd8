import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  atLeast,
  atMost,
  type Bar,
  type BenchContext,
  type Benchmark,
  type Table,
} from '../src/benchmark.ts';
import { commandCost, readCommandCounts } from '../src/commandstats.ts';
import { short, times, withRange } from '../src/format.ts';
import { interleave, type Standing } from '../src/interleave.ts';
import { percentile, spread, type Spread } from '../src/statistics.ts';
import { freshName, ours, type Contender, type OpenLocks } from './contender.ts';
import { contenders } from './contenders.ts';

const waiters = 50;
/** Between two arrivals, so that there is an order of coming. */
const arrivalMs = 20;
/** After the last arrival everyone sleeps: ours looks again after 5 s. */
const settleMs = 300;
const watchMs = 3_000;

interface Drain {
  /** From the holder's release to the last waiter's. */
  readonly tookMs: number;
  /** From a release to the next grant. */
  readonly handoffsMs: readonly number[];
  /** Waiters that were served before one that had come earlier. */
  readonly inversions: number;
}

interface Collected {
  readonly handoffsMs: number[];
  readonly inversions: number[];
}

/** 50 processes wait for one lock; then it is released. */
export const handoff: Benchmark = {
  async run(context) {
    const fleets = await Promise.all(contenders.map(({ open }) => openFleet(open, context.server.url)));
    const collected = contenders.map((): Collected => ({ handoffsMs: [], inversions: [] }));
    const standings = await interleave({
      baseline: ours,
      rounds: context.rounds,
      contestants: contenders.map(({ name }, index) => ({
        name,
        measure: async () => {
          const drain = await drained(fleets[index]!);
          collected[index]!.handoffsMs.push(...drain.handoffsMs);
          collected[index]!.inversions.push(drain.inversions);
          return drain.tookMs;
        },
      })),
    });
    const costs = await costsOf(fleets, context);
    await Promise.all(fleets.flat().map((locks) => locks.close()));
    return [table(standings, collected, costs)];
  },
};

function openFleet(open: Contender['open'], url: string): Promise<OpenLocks[]> {
  return Promise.all(Array.from({ length: waiters + 1 }, () => open(url)));
}

async function drained(fleet: readonly OpenLocks[], beforeRelease?: () => Promise<unknown>): Promise<Drain> {
  const name = freshName();
  const [holder, ...others] = fleet;
  const release = await holder!.acquire(name);
  const served: number[] = [];
  const handoffsMs: number[] = [];
  let releasedAt = 0;
  const serve = async (locks: OpenLocks, arrival: number): Promise<void> => {
    const give = await locks.acquire(name);
    handoffsMs.push(performance.now() - releasedAt);
    served.push(arrival);
    releasedAt = performance.now();
    await give();
  };
  const waiting: Promise<void>[] = [];
  for (const [arrival, locks] of others.entries()) {
    waiting.push(serve(locks, arrival));
    await sleep(arrivalMs);
  }
  await sleep(settleMs);
  await beforeRelease?.();
  const start = performance.now();
  releasedAt = start;
  await release();
  await Promise.all(waiting);
  return { tookMs: performance.now() - start, handoffsMs, inversions: inversionsOf(served) };
}

/** How many were served although one that had come earlier still waited. */
function inversionsOf(served: readonly number[]): number {
  let earliest = Infinity;
  let inversions = 0;
  for (const arrival of served.toReversed()) {
    if (arrival > earliest) inversions += 1;
    earliest = Math.min(earliest, arrival);
  }
  return inversions;
}

interface WaitingCost {
  /** Commands that Redis executes for the 50 waiters in a second, those inside scripts included. */
  readonly perSecond: number;
  /** Commands sent from the release to the last one, for each of the 50. */
  readonly sentPerHandoff: number;
}

/** Counted apart, and MONITOR is opened while all of them sleep: it slows Redis. */
async function costsOf(
  fleets: readonly (readonly OpenLocks[])[],
  { server }: BenchContext,
): Promise<WaitingCost[]> {
  const redis = new Redis(server.url);
  const costs: WaitingCost[] = [];
  for (const fleet of fleets) costs.push(await costOf(fleet, redis));
  redis.disconnect();
  return costs;
}

async function costOf(fleet: readonly OpenLocks[], redis: Redis): Promise<WaitingCost> {
  let perSecond = 0;
  let openGate = (): void => {};
  const gate = new Promise<void>((resolve) => (openGate = resolve));
  let tellAsleep = (): void => {};
  const asleep = new Promise<void>((resolve) => (tellAsleep = resolve));
  const draining = drained(fleet, async () => {
    const before = total(await readCommandCounts(redis));
    await sleep(watchMs);
    perSecond = (total(await readCommandCounts(redis)) - before) / (watchMs / 1_000);
    tellAsleep();
    await gate;
  });
  await asleep;
  const { sent } = await commandCost(redis, waiters, async () => {
    openGate();
    await draining;
  });
  return { perSecond, sentPerHandoff: sent };
}

/** Without the signs of life of connections that listen: they are there whether anyone waits or not. */
function total(counts: ReadonlyMap<string, number>): number {
  return [...counts].reduce((sum, [command, calls]) => (command === 'ping' ? sum : sum + calls), 0);
}

function table(
  standings: readonly Standing[],
  collected: readonly Collected[],
  costs: readonly WaitingCost[],
): Table {
  const handoffs = collected.map(({ handoffsMs }) => spread(handoffsMs));
  const worstOf = (index: number): number =>
    percentile(
      collected[index]!.handoffsMs.toSorted((a, b) => a - b),
      0.99,
    );
  return {
    title: `${waiters} waiters on ${waiters} connections, after the release`,
    columns: [
      '',
      'drained in ms',
      'of ours',
      'hand-off p50 ms',
      'p99 ms',
      'inversions',
      'commands/s waiting',
      'commands sent per hand-off',
    ],
    rows: standings.map(({ name, figure, ratio }, index) => [
      name,
      withRange(figure),
      withRange(ratio, times),
      short(handoffs[index]!.median),
      short(worstOf(index)),
      short(spread(collected[index]!.inversions).median),
      short(costs[index]!.perSecond),
      short(costs[index]!.sentPerHandoff),
    ]),
    bars: bars(standings, collected, handoffs, costs),
    data: { standings, handoffs, costs, inversions: collected.map(({ inversions }) => inversions) },
  };
}

function bars(
  standings: readonly Standing[],
  collected: readonly Collected[],
  handoffs: readonly Spread[],
  costs: readonly WaitingCost[],
): Bar[] {
  const us = standings.findIndex(({ name }) => name === ours);
  const best = Math.min(...standings.filter((_, index) => index !== us).map(({ ratio }) => ratio.median));
  return [
    atLeast('drained >= 8x faster than the best rival', 8, best, times),
    atMost('hand-off p50 < 1 ms', 1, handoffs[us]!.median, short),
    atMost('no order inversions', 0, Math.max(...collected[us]!.inversions)),
    // The messages are sent by scripts; commands sent are script calls.
    atMost('<= 3 script calls per hand-off', 3, costs[us]!.sentPerHandoff, short),
    atMost('no commands while waiting, before the slow re-check', 0, costs[us]!.perSecond, short),
  ];
}
