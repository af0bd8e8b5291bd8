import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { memoryHarness } from '@lockstep/testing';
import { afterAll, describe, expect, it } from 'vitest';
import type { Consumer } from '../src/consumer-options.ts';
import type { Delivery } from '../src/delivery.ts';
import type { Engine } from '../src/engine.ts';
import type { Settlement } from '../src/item.ts';
import { turn } from '../src/scripts/turn.ts';
import { becomes, named, openEngine, settled } from './behaviour/open-engine.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());

const complete: Settlement = { type: 'complete' };
const patience = { connect: { commandTimeoutMs: 1_000 } };

/** A consumer whose handlers wait to be told. */
function holding(
  engine: Engine,
  concurrency: number,
): {
  readonly consumer: Consumer;
  readonly held: Delivery[];
  readonly lost: string[];
  readonly finish: (count: number) => void;
} {
  const held: Delivery[] = [];
  const lost: string[] = [];
  const finishers: ((settlement: Settlement) => void)[] = [];
  const consumer = engine.consume({
    concurrency,
    handle: (delivery) => {
      held.push(delivery);
      return new Promise((resolve) => finishers.push(resolve));
    },
    onSettled: ({ id }, _, accepted) => void (accepted || lost.push(id)),
  });
  const finish = (count: number): void => {
    for (const resolve of finishers.splice(0, count)) resolve(complete);
  };
  return { consumer, held, lost, finish };
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `i${index}`);
}

/** The callers that Redis has a turn of. */
async function callers({ engine, redis }: Awaited<ReturnType<typeof openEngine>>): Promise<string[]> {
  const meta = redis.keyspace('queue', engine.name, 0).key('meta');
  const client = redis.client as unknown as { hkeys(key: string): Promise<string[]> };
  const fields = await client.hkeys(meta);
  return fields.filter((field) => field.startsWith('@') && !field.includes('.'));
}

/** A consumer with ten slots and twenty deliveries, ten of them over, the others claimed by both of its callers. */
async function withBothCallers(): Promise<
  Awaited<ReturnType<typeof openEngine>> & ReturnType<typeof holding>
> {
  const opened = await openEngine(harness);
  await opened.engine.enqueue(named(...ids(40)));
  const holder = holding(opened.engine, 10);
  holder.consumer.start();
  await becomes(harness, () => expect(holder.held).toHaveLength(10));
  // The main caller has to ask again: meanwhile the other half of the slots comes free.
  memoryFaults(opened.redis).loseReply({ match: callsOf(turn) });
  holder.finish(5);
  await settled(harness);
  holder.finish(5);
  await becomes(harness, () => expect(holder.held).toHaveLength(20));
  return { ...opened, ...holder };
}

describe('two callers of a worker', () => {
  it('share its slots while there is plenty, and no more is claimed than there are', async () => {
    const { engine, redis, errors, consumer, held } = await withBothCallers();
    expect(await callers({ engine, redis, errors })).toHaveLength(2);
    expect(consumer.stats().active).toBe(10);
    expect(new Set(held.map(({ id }) => id)).size).toBe(20);
    await becomes(harness, async () =>
      expect(await engine.stats()).toMatchObject({ leased: 10, completed: 10, reclaimed: 0 }),
    );
  });

  it('each claim again what a lost reply was about, with the same tokens', async () => {
    const { engine, redis, held, finish } = await withBothCallers();
    memoryFaults(redis).loseReply({ match: callsOf(turn), times: 2 });
    finish(5);
    await settled(harness);
    finish(5);
    await becomes(harness, () => expect(held).toHaveLength(30));
    expect(held.map(({ deliveries }) => deliveries)).toEqual(Array.from({ length: 30 }, () => 1));
    expect(await engine.stats()).toMatchObject({ leased: 10, completed: 20, reclaimed: 0 });
    for (const { id, fencingToken } of held.slice(20)) {
      expect((await engine.get(id))!.fencingToken).toBe(fencingToken);
    }
  });

  it('send no two turns at once: Redis would answer both together, and wait while both are handled', async () => {
    const opened = await openEngine(harness);
    await opened.engine.enqueue(named(...ids(40)));
    const { consumer, held, finish } = holding(opened.engine, 10);
    consumer.start();
    await becomes(harness, () => expect(held).toHaveLength(10));
    finish(10);
    await becomes(harness, () => expect(held).toHaveLength(20));
    expect(consumer.stats()).toMatchObject({ active: 10, turns: 3 });
    expect(await callers(opened)).toHaveLength(1);
  });

  it('are one where nothing is left over: an idle worker costs what it did', async () => {
    const opened = await openEngine(harness);
    const { consumer } = holding(opened.engine, 10);
    consumer.start();
    await harness.advance(20_000);
    await opened.engine.enqueue(named(...ids(4)));
    await becomes(harness, () => expect(consumer.stats().active).toBe(4));
    expect(await callers(opened)).toHaveLength(1);
  });

  it('are one where slots come free one by one, also while a turn is on its way', async () => {
    const opened = await openEngine(harness);
    await opened.engine.enqueue(named(...ids(40)));
    const { consumer, held, finish } = holding(opened.engine, 10);
    consumer.start();
    await becomes(harness, () => expect(held).toHaveLength(10));
    memoryFaults(opened.redis).loseReply({ match: callsOf(turn) });
    for (let done = 1; done <= 4; done += 1) {
      finish(1);
      await settled(harness);
    }
    await becomes(harness, () => expect(held).toHaveLength(14));
    expect(await callers(opened)).toHaveLength(1);
  });

  it('are both forgotten when their worker stops', async () => {
    const { engine, redis, errors, consumer } = await withBothCallers();
    const stopping = consumer.stop({ drainMs: 0, abortMs: 0 });
    await harness.advance(100);
    expect(await stopping).toMatchObject({ returned: 10 });
    expect(await callers({ engine, redis, errors })).toEqual([]);
    expect(await engine.stats()).toMatchObject({ leased: 0, ready: { normal: 30 }, completed: 10 });
  });

  it.each([
    ['first', false],
    ['second', true],
  ])('hear of a cancellation of what the %s claimed', async (_, isSecond) => {
    const { engine, consumer, held } = await withBothCallers();
    const claimedBy = await Promise.all(held.slice(10).map(async ({ id }) => (await engine.get(id))!.worker));
    const delivery = held[10 + claimedBy.findIndex((worker) => (worker !== consumer.id) === isSecond)]!;
    expect(await engine.cancel(delivery.id)).toBe('cancelling');
    await settled(harness);
    expect(delivery.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
  });
});

describe('stopping while Redis is away', () => {
  it('leaves all slots to a later start', async () => {
    const { engine, redis } = await openEngine(harness, patience);
    await engine.enqueue(named(...ids(30)));
    const { consumer, held, lost, finish } = holding(engine, 4);
    consumer.start();
    await becomes(harness, () => expect(held).toHaveLength(4));
    memoryFaults(redis).disconnect();
    finish(4);
    await harness.advance(200);
    const stopping = consumer.stop({ drainMs: 0, abortMs: 0 });
    await harness.advance(3_000);
    await stopping;
    expect(lost).toEqual(['i0', 'i1', 'i2', 'i3']);
    memoryFaults(redis).reconnect();
    consumer.start();
    await becomes(harness, () => expect(held).toHaveLength(8), 60_000);
    expect(consumer.stats().active).toBe(4);
  });

  it('takes no turn after it has ended', async () => {
    const { engine, redis } = await openEngine(harness, patience);
    const { consumer, held } = holding(engine, 4);
    consumer.start();
    await settled(harness);
    memoryFaults(redis).failNext(new Error('READONLY'), { match: callsOf(turn), times: 1_000 });
    await engine.enqueue(named('a'));
    await harness.advance(500);
    const stopping = consumer.stop({ drainMs: 0, abortMs: 0 });
    await harness.advance(2_000);
    await stopping;
    const { turns } = consumer.stats();
    memoryFaults(redis).disconnect();
    memoryFaults(redis).reconnect();
    await harness.advance(10_000);
    expect(consumer.stats().turns).toBe(turns);
    expect(held).toEqual([]);
  });
});

describe('a start while a stop is under way', () => {
  it('begins when that has ended, with bells of its own', async () => {
    const { engine } = await openEngine(harness);
    await engine.enqueue(named('a'));
    const { consumer, held, finish } = holding(engine, 4);
    consumer.start();
    await becomes(harness, () => expect(held).toHaveLength(1));
    const stopping = consumer.stop({ drainMs: 1_000, abortMs: 0 });
    consumer.start();
    await harness.advance(100);
    finish(1);
    expect(await stopping).toMatchObject({ finished: 1, returned: 0 });
    await settled(harness);
    const producer = await openEngine(harness, { name: engine.name });
    const before = harness.clock.monotonic();
    await producer.engine.enqueue(named('b'));
    await becomes(harness, () => expect(held).toHaveLength(2));
    expect(harness.clock.monotonic() - before).toBeLessThan(500);
    expect(held[1]!.isValid()).toBe(true);
  });

  it('is taken back by another stop', async () => {
    const { engine } = await openEngine(harness);
    const { consumer } = holding(engine, 4);
    consumer.start();
    await settled(harness);
    const stopping = consumer.stop();
    consumer.start();
    const again = consumer.stop();
    await harness.advance(100);
    expect(await again).toBe(await stopping);
    expect(consumer.stats().running).toBe(false);
  });
});
