import { eventually } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { earFaults, type EarFault } from '../src/queue-chaos/ear-faults.ts';
import { machineNow } from '../src/queue-chaos/machine-clock.ts';
import { PickupWatch, type Waker } from '../src/queue-chaos/pickup-watch.ts';
import { chaosProfile, profileTimeoutMs } from '../src/queue-chaos/profile.ts';
import { quantiles } from '../src/queue-chaos/quantiles.ts';
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
  const pickup = watch.pickup(id, giveUpMs);
  await fault(() => watch.producer.enqueue('work', { ms: 0 }, { id }));
  const healedAt = machineNow();
  const picked = await pickup;
  return { fault: name, latencyMs: picked.at - healedAt, waker: watch.waker(since, picked) };
}

function summary(rounds: readonly Round[], seed: number): string {
  const count = (list: readonly Round[], waker: Waker): number =>
    list.filter((round) => round.waker === waker).length;
  const faults = [...new Set(rounds.map(({ fault }) => fault))];
  const lines = [...faults, 'all'].map((name) => {
    const list = rounds.filter(({ fault }) => name === 'all' || fault === name);
    const { p50, p99, max } = quantiles(list.map(({ latencyMs }) => Math.max(latencyMs, 0)));
    const wakers = `doorbell ${count(list, 'doorbell')}, reconnect ${count(list, 'reconnect')}, poll ${count(list, 'poll')}`;
    return `${name}: n ${list.length}, ${wakers}; ms p50 ${p50.toFixed(0)} p99 ${p99.toFixed(0)} max ${max.toFixed(0)}`;
  });
  return [`pickups, seed ${seed}`, ...lines].join('\n');
}

describe('a worker', { timeout: profileTimeoutMs }, () => {
  it('hears of one task after every kind of fault, and not by luck of the slow poll', async () => {
    await using server = await startStandalone({ appendonly: 'always' });
    await using watch = await PickupWatch.open(server.url);
    const random = new SeededRandom();
    const names = Object.keys(earFaults) as (keyof typeof earFaults)[];
    const perFault = chaosProfile() === 'full' ? 30 : 5;
    const rounds: Round[] = [];
    for (let n = 0; n < perFault * names.length; n += 1) {
      // Every fault as often as the others, in an order that the seed repeats.
      const name = names[n % names.length]!;
      const fault: EarFault = earFaults[name];
      await asleep(server, watch);
      rounds.push(await playRound(watch, name, `one-${n}`, (enqueue) => fault(server, enqueue, random)));
    }
    console.log(summary(rounds, random.seed));
    expect(rounds.filter(({ latencyMs }) => latencyMs > boundMs)).toEqual([]);
    expect(rounds.filter(({ waker }) => waker === 'poll').length).toBeLessThan(rounds.length / 10);
    expect(rounds.filter(({ waker }) => waker === 'doorbell').length).toBeGreaterThan(rounds.length / 4);
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
    const count = chaosProfile() === 'full' ? 10 : 2;
    for (let n = 0; n < count; n += 1) {
      await asleep(await sentinel.master(), watch);
      const round = await playRound(watch, 'failover', `one-${n}`, async (enqueue) => {
        await sentinel.failOver();
        await enqueue();
      });
      rounds.push(round);
    }
    console.log(summary(rounds, 0));
    expect(rounds.filter(({ latencyMs }) => latencyMs > boundMs)).toEqual([]);
  });
});
