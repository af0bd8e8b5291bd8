import type { Clock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { createQueue, RetryLater, type Queue } from '@lockstep/task-queue';
import { memoryHarness, type MemoryHarness } from '@lockstep/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { during, tasks, until, type Tasks } from './behaviour/kit.ts';

const hourMs = 3_600_000;

/** A process whose wall clock is wrong. */
function skewed(clock: Clock, byMs: number): Clock {
  return {
    now: () => clock.now() + byMs,
    monotonic: () => clock.monotonic(),
    setTimer: (fire, delayMs, options) => clock.setTimer(fire, delayMs, options),
  };
}

interface Fleet {
  readonly harness: MemoryHarness;
  /** A process whose clock is right. */
  readonly producer: Queue<Tasks>;
  /** A process whose clock is an hour ahead or behind. */
  readonly consumer: Queue<Tasks>;
}

async function fleet(skewMs: number): Promise<Fleet> {
  const harness = memoryHarness();
  const where = `memory://clocks-${harness.uniqueName()}`;
  // The first connection gives the server its time.
  const server = await connect(where, { clock: harness.clock });
  const wrong = await connect(where, { clock: skewed(harness.clock, skewMs) });
  onTestFinished(async () => {
    for (const redis of [wrong, server]) await during(harness, redis.close({ drainMs: 20, abortMs: 20 }));
    await harness[Symbol.asyncDispose]();
  });
  const name = harness.uniqueName();
  return {
    harness,
    producer: createQueue({ redis: server, name, tasks }),
    consumer: createQueue({ redis: wrong, name, tasks }),
  };
}

describe.each([
  ['an hour ahead', hourMs],
  ['an hour behind', -hourMs],
])('a worker whose clock is %s', { timeout: 20_000 }, (_, skewMs) => {
  test('runs a delayed task neither early nor late', async () => {
    const { harness, producer, consumer } = await fleet(skewMs);
    const ran: number[] = [];
    const start = harness.clock.now();
    await producer.enqueue('note', { text: 'delay' }, { delayMs: 2_000 });
    await producer.enqueue('note', { text: 'moment' }, { runAt: start + 2_000 });
    const worker = consumer.worker({
      handlers: { add: () => 0, note: () => void ran.push(harness.clock.now() - start) },
    });
    await worker.start();
    await until(harness, () => expect(ran).toHaveLength(2));
    for (const at of ran) {
      expect(at).toBeGreaterThanOrEqual(2_000);
      expect(at).toBeLessThanOrEqual(2_200);
    }
  });

  test('delays what it enqueues itself by the server’s clock', async () => {
    const { harness, producer, consumer } = await fleet(skewMs);
    const start = harness.clock.now();
    await consumer.enqueue('note', { text: 'x' }, { delayMs: 1_000 });
    expect(await producer.receive()).toEqual([]);
    const taken = await during(harness, producer.receive({ waitMs: 5_000 }));
    expect(taken).toHaveLength(1);
    expect(harness.clock.now() - start).toBeGreaterThanOrEqual(1_000);
    expect(harness.clock.now() - start).toBeLessThanOrEqual(1_200);
  });

  test('retries after the delay, not an hour early or late', async () => {
    const { harness, producer, consumer } = await fleet(skewMs);
    const ran: number[] = [];
    await producer.enqueue('note', { text: 'x' });
    const worker = consumer.worker({
      handlers: {
        add: () => 0,
        note: (_input, { attempt }) => {
          ran.push(harness.clock.now());
          if (attempt === 1) throw new RetryLater(1_500);
        },
      },
    });
    await worker.start();
    await until(harness, () => expect(ran).toHaveLength(2));
    expect(ran[1]! - ran[0]!).toBeGreaterThanOrEqual(1_500);
    expect(ran[1]! - ran[0]!).toBeLessThanOrEqual(1_700);
  });

  test('neither takes over a lease that runs nor loses its own', async () => {
    const { harness, producer, consumer } = await fleet(skewMs);
    await producer.enqueue('note', { text: 'x' });
    const [lease] = await producer.receive({ visibilityTimeoutMs: 2_000 });
    expect(await during(harness, consumer.receive({ waitMs: 1_500 }))).toEqual([]);
    expect(lease!.isValid()).toBe(true);
    const [own] = await during(harness, consumer.receive({ waitMs: 2_000, visibilityTimeoutMs: 1_000 }));
    expect(own).toMatchObject({ delivery: 2 });
    await harness.advance(900);
    expect(own!.isValid()).toBe(true);
    await harness.advance(100);
    expect(own!.isValid()).toBe(false);
  });

  test('lets no task expire early or late', async () => {
    const { harness, producer, consumer } = await fleet(skewMs);
    const fresh = await producer.enqueue('note', { text: 'fresh' }, { expiresInMs: 5_000 });
    const [lease] = await consumer.receive();
    expect(lease).toMatchObject({ id: fresh.id });
    if (lease?.name === 'note') await lease.complete();
    const stale = await consumer.enqueue('note', { text: 'stale' }, { expiresInMs: 1_000 });
    await harness.advance(1_100);
    expect(await consumer.receive()).toEqual([]);
    expect(await producer.result(stale.id, { timeoutMs: 0 })).toMatchObject({ status: 'expired' });
  });
});
