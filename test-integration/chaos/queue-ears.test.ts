import { sleep, systemClock } from '@lockstep/core';
import { eventually } from '@lockstep/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { earFaults, type EarFault } from '../src/queue-chaos/ear-faults.ts';
import { machineNow } from '../src/queue-chaos/machine-clock.ts';
import type { Waker } from '../src/queue-chaos/pickup-log.ts';
import { PickupWatch } from '../src/queue-chaos/pickup-watch.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { quantiles } from '../src/queue-chaos/quantiles.ts';
import { keepReport, type ReportPage } from '../src/queue-chaos/report-page.ts';
import { scratchFolder } from '../src/queue-chaos/scratch-folder.ts';
import { SeededRandom } from '../src/queue-chaos/seeded-random.ts';
import type { RedisNode } from '../src/servers/redis-node.ts';
import { startSentinel } from '../src/servers/sentinel.ts';
import { startStandalone } from '../src/servers/standalone.ts';

/** From the moment when the task is in Redis and Redis answers. Well below the slow poll of 5 s. */
const boundMs = 2_000;
const giveUpMs = 15_000;

interface Round {
  readonly fault: string;
  readonly latencyMs: number;
  readonly waker: Waker;
}

async function asleep(server: RedisNode, { waitersKey }: PickupWatch): Promise<void> {
  await eventually(async () => expect(await server.command('LLEN', waitersKey)).toBeGreaterThan(0), {
    timeoutMs: giveUpMs,
  });
}

/** Breaks something, enqueues one task and sees how it reaches the worker. */
async function playRound(
  watch: PickupWatch,
  name: string,
  id: string,
  fault: (enqueue: () => Promise<unknown>) => Promise<void>,
): Promise<Round> {
  const since = machineNow();
  const pickup = watch.log.pickup(id, giveUpMs);
  await fault(() => watch.producer.enqueue('work', { ms: 0 }, { id }));
  const healedAt = machineNow();
  const picked = await pickup;
  return { fault: name, latencyMs: picked.at - healedAt, waker: watch.log.waker(since, picked) };
}

const count = (rounds: readonly Round[], waker: Waker): number =>
  rounds.filter((round) => round.waker === waker).length;

const full = chaosProfile() === 'full';
/** Of all tests of this file. */
const played: Round[] = [];
const seeds: number[] = [];
let redisVersion = 'unknown';

function report(): ReportPage {
  const faults = [...new Set(played.map(({ fault }) => fault))];
  const rows = [...faults, 'all'].map((name) => {
    const rounds = played.filter(({ fault }) => name === 'all' || fault === name);
    const { n, p50, p99, max } = quantiles(rounds.map(({ latencyMs }) => Math.max(latencyMs, 0)));
    const wakers = (['doorbell', 'reconnect', 'poll'] as const).map((waker) => count(rounds, waker));
    return [name, n, ...wakers, ...[p50, p99, max].map((ms) => ms.toFixed(0))];
  });
  return {
    title: 'Ears: a sleeping worker, one fault and one task',
    about: `${played.length} rounds in random order, seeds ${seeds.join(', ')}; leases of 30 s, so that the slow poll is 5 s.`,
    test: 'test-integration/chaos/queue-ears.test.ts',
    redisVersion,
    tables: [{ head: ['fault', 'n', 'doorbell', 'reconnect', 'poll', 'p50', 'p99', 'max'], rows }],
    notes:
      'Times are ms from the moment when the task is in Redis and everything is whole again to the start of its handler; ' +
      'a task that was picked up before counts as 0. The columns before them say what woke the worker: its bell, its ' +
      'connection that came back, or nothing but the slow poll.',
  };
}

afterAll(() => keepReport('queue-ears', report()));

describe('a worker', { timeout: profileTimeoutMs }, () => {
  it('hears of one task after every kind of fault, and not by luck of the slow poll', async () => {
    await using server = await startStandalone({ appendonly: 'always' });
    await using watch = await PickupWatch.open(server.url);
    redisVersion = (await server.info('redis_version')) ?? redisVersion;
    const random = new SeededRandom();
    seeds.push(random.seed);
    const names = Object.keys(earFaults) as (keyof typeof earFaults)[];
    const perFault = full ? 30 : 5;
    // Every fault as often as the others, in an order that the seed repeats.
    const order = random.shuffled(names.flatMap((name) => Array.from({ length: perFault }, () => name)));
    console.log(`ears, seed ${random.seed}: ${order.join(', ')}`);
    const rounds: Round[] = [];
    for (const [n, name] of order.entries()) {
      const fault: EarFault = earFaults[name];
      await asleep(server, watch);
      rounds.push(await playRound(watch, name, `one-${n}`, (enqueue) => fault(server, enqueue, random)));
    }
    played.push(...rounds);
    expect(rounds.filter(({ latencyMs }) => latencyMs > boundMs)).toEqual([]);
    expect(count(rounds, 'poll')).toBeLessThan(rounds.length / 10);
    expect(count(rounds, 'doorbell')).toBeGreaterThan(rounds.length / 4);
  });

  it('hears of one task that came while its process was frozen', async () => {
    await using folder = await scratchFolder();
    await using server = await startStandalone({ appendonly: 'always' });
    await using watch = await PickupWatch.openProcess(server.url, folder.path);
    const random = new SeededRandom();
    seeds.push(random.seed);
    const rounds: Round[] = [];
    for (let n = 0; n < (full ? 30 : 5); n += 1) {
      await asleep(server, watch);
      const round = await playRound(watch, 'SIGSTOP of the worker', `one-${n}`, async (enqueue) => {
        watch.process!.signal('SIGSTOP');
        await sleep(systemClock, random.between(0, 100));
        await enqueue();
        await sleep(systemClock, random.between(50, 1_500));
        watch.process!.signal('SIGCONT');
      });
      rounds.push(round);
    }
    played.push(...rounds);
    expect(rounds.filter(({ latencyMs }) => latencyMs > boundMs)).toEqual([]);
    expect(count(rounds, 'poll')).toBe(0);
  });

  it('is found deaf by the same rounds when nobody rings: only the slow poll is left, beyond the bound', async () => {
    await using server = await startStandalone();
    await using watch = await PickupWatch.open(server.url);
    const rounds: Round[] = [];
    for (let n = 0; n < 2; n += 1) {
      await asleep(server, watch);
      const round = await playRound(watch, 'nobody rings', `one-${n}`, async (enqueue) => {
        await server.command('DEL', watch.waitersKey);
        await enqueue();
      });
      rounds.push(round);
    }
    expect(rounds.map(({ waker }) => waker)).toEqual(['poll', 'poll']);
    expect(rounds.at(-1)!.latencyMs).toBeGreaterThan(boundMs);
  });

  it('hears of one task after every Sentinel failover', async () => {
    await using sentinel = await startSentinel();
    await using watch = await PickupWatch.open(sentinel.url);
    const rounds: Round[] = [];
    for (let n = 0; n < (full ? 10 : 2); n += 1) {
      await asleep(await sentinel.master(), watch);
      const round = await playRound(watch, 'failover', `one-${n}`, async (enqueue) => {
        await sentinel.failOver();
        await enqueue();
      });
      rounds.push(round);
    }
    played.push(...rounds);
    expect(rounds.filter(({ latencyMs }) => latencyMs > boundMs)).toEqual([]);
    // The bell on the new master, or the connection to it: the list of waiters has moved there with the rest.
    expect(count(rounds, 'poll')).toBe(0);
  });
});
