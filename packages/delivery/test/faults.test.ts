import { memoryFaults, callsOf } from '@lockstep/redis/memory';
import { memoryHarness, type ManualClock } from '@lockstep/testing';
import { afterAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../src/delivery.ts';
import type { Settlement } from '../src/item.ts';
import { cancel } from '../src/scripts/cancel.ts';
import { drop } from '../src/scripts/drop.ts';
import { enqueue } from '../src/scripts/enqueue.ts';
import { redrive } from '../src/scripts/redrive.ts';
import { renew } from '../src/scripts/renew.ts';
import { turn } from '../src/scripts/turn.ts';
import { becomes, named, openEngine, settled } from './behaviour/open-engine.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());

const complete: Settlement = { type: 'complete' };
const timeout = { connect: { commandTimeoutMs: 1_000 } };

describe('a lost reply', () => {
  it('of enqueue adds nothing twice, also when the item is done by the time it is repeated', async () => {
    const { engine, redis } = await openEngine(harness);
    const worker = await openEngine(harness, { name: engine.name });
    const consumer = worker.engine.consume({ handle: () => Promise.resolve(complete) });
    consumer.start();
    await settled(harness);
    memoryFaults(redis).loseReply({ match: callsOf(enqueue) });
    const adding = engine.enqueue(named('a'));
    await settled(harness);
    await becomes(harness, async () => expect((await worker.engine.stats()).completed).toBe(1));
    await harness.advance(100);
    expect(await adding).toEqual([{ id: 'a', status: 'added' }]);
    expect(await engine.stats()).toMatchObject({
      enqueued: 1,
      completed: 1,
      leased: 0,
      ready: { normal: 0 },
    });
  });

  it('of a turn claims the same items again, with the same tokens', async () => {
    const { engine, redis } = await openEngine(harness);
    await engine.enqueue(named('a', 'b', 'c'));
    const deliveries: Delivery[] = [];
    const consumer = engine.consume({
      concurrency: 2,
      handle: (delivery) => {
        deliveries.push(delivery);
        return new Promise(() => {});
      },
    });
    memoryFaults(redis).loseReply({ match: callsOf(turn) });
    consumer.start();
    await becomes(harness, () => expect(deliveries).toHaveLength(2));
    expect(deliveries.map(({ id, deliveries: count, body }) => [id, count, body])).toEqual([
      ['a', 1, 'body of a'],
      ['b', 1, 'body of b'],
    ]);
    expect(await engine.stats()).toMatchObject({ leased: 2, ready: { normal: 1 } });
    expect((await engine.get('a'))!.fencingToken).toBe(deliveries[0]!.fencingToken);
  });

  it('of a settlement settles once', async () => {
    const { engine, redis } = await openEngine(harness);
    await engine.enqueue(named('a', 'b'));
    const [a, b] = await engine.receive({ max: 2 });
    memoryFaults(redis).loseReply({ match: callsOf(turn) });
    const settling = Promise.all([
      a!.settle({ type: 'retry', delayMs: 0, error: 'x' }),
      b!.settle({ type: 'complete', result: 'r', keepMs: 60_000 }),
    ]);
    await harness.advance(100);
    await settling;
    expect(await engine.get('a')).toMatchObject({ attempts: 1, state: 'ready' });
    expect(await engine.stats()).toMatchObject({ completed: 1, failed: 1, leased: 0, ready: { normal: 1 } });
  });

  it('of cancel, redrive and removal tells what the first one did', async () => {
    const { engine, redis } = await openEngine(harness);
    await engine.enqueue(named('waiting', 'dead'));
    const faults = memoryFaults(redis);
    for (const delivery of await engine.receive({ max: 2 })) {
      await delivery.settle(delivery.id === 'dead' ? { type: 'dead', reason: 'x' } : { type: 'release' });
    }
    faults.loseReply({ match: callsOf(cancel) });
    const cancelling = engine.cancel('waiting');
    faults.loseReply({ match: callsOf(redrive) });
    const redriving = engine.deadLetters.redrive(['dead']);
    await harness.advance(100);
    expect(await cancelling).toBe('cancelled');
    expect(await redriving).toEqual(['dead']);
    await (await engine.receive())[0]!.settle({ type: 'dead', reason: 'again' });
    faults.loseReply({ match: callsOf(drop) });
    const removing = engine.deadLetters.remove(['dead']);
    await harness.advance(100);
    expect(await removing).toEqual(['dead']);
    expect(await engine.stats()).toMatchObject({ cancelled: 1, redriven: 1, dead: 0, ready: { normal: 0 } });
  });
});

describe('a call that is given up', () => {
  it('gives back what it claimed, counting no delivery', async () => {
    const { engine, redis } = await openEngine(harness, timeout);
    await engine.enqueue(named('a', 'b'));
    memoryFaults(redis).loseReply({ match: callsOf(turn), times: 100 });
    const [receiving] = await Promise.allSettled([engine.receive({ max: 1 }), harness.advance(1_500)]);
    expect(receiving).toMatchObject({ reason: { code: 'REDIS_UNAVAILABLE', outcomeUnknown: true } });
    const other = await openEngine(harness, { name: engine.name });
    await becomes(
      harness,
      async () => expect(await other.engine.stats()).toMatchObject({ leased: 0 }),
      10_000,
    );
    expect(await other.engine.receive({ max: 2 })).toMatchObject([
      { id: 'a', deliveries: 1 },
      { id: 'b', deliveries: 1 },
    ]);
  });

  it('of enqueue does not happen later', async () => {
    const { engine, redis } = await openEngine(harness, timeout);
    await engine.enqueue(named('first'));
    memoryFaults(redis).disconnect();
    const [adding] = await Promise.allSettled([engine.enqueue(named('a')), harness.advance(1_100)]);
    expect(adding).toMatchObject({ reason: { code: 'REDIS_UNAVAILABLE', outcomeUnknown: false } });
    memoryFaults(redis).reconnect();
    await harness.advance(2_000);
    expect((await engine.stats()).enqueued).toBe(1);
  });
});

describe('an outage', () => {
  it('stops nothing for good: a consumer goes on as soon as Redis is back', async () => {
    const { engine, redis } = await openEngine(harness, timeout);
    const producer = await openEngine(harness, { name: engine.name });
    const handled: string[] = [];
    const consumer = engine.consume({
      handle: ({ id }) => {
        handled.push(id);
        return Promise.resolve(complete);
      },
    });
    consumer.start();
    await settled(harness);
    for (const outageMs of [100, 8_000, 60_000]) {
      memoryFaults(redis).disconnect();
      await producer.engine.enqueue(named(`after ${outageMs}`));
      await harness.advance(outageMs);
      expect(handled).not.toContain(`after ${outageMs}`);
      memoryFaults(redis).reconnect();
      await becomes(harness, () => expect(handled).toContain(`after ${outageMs}`), 2_000);
    }
  });

  it('ends leases that could not be renewed, before they end in Redis', async () => {
    const { engine, redis } = await openEngine(harness, { ...timeout, visibilityMs: 3_000 });
    const deliveries: Delivery[] = [];
    const consumer = engine.consume({
      handle: (delivery) => {
        deliveries.push(delivery);
        return new Promise(() => {});
      },
    });
    consumer.start();
    await engine.enqueue(named('a'));
    await becomes(harness, () => expect(deliveries).toHaveLength(1));
    const { signal } = deliveries[0]!;
    memoryFaults(redis).disconnect();
    await harness.advance(2_800);
    expect(signal.aborted).toBe(false);
    await harness.advance(200);
    expect(signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'expired' });
    expect(deliveries[0]!.isValid()).toBe(false);
    memoryFaults(redis).reconnect();
  });

  it('shorter than a lease costs nobody anything', async () => {
    const { engine, redis } = await openEngine(harness, { ...timeout, visibilityMs: 6_000 });
    const deliveries: Delivery[] = [];
    let finish: (settlement: Settlement) => void = () => {};
    const consumer = engine.consume({
      handle: (delivery) => {
        deliveries.push(delivery);
        return new Promise((resolve) => (finish = resolve));
      },
    });
    consumer.start();
    await engine.enqueue(named('a'));
    await becomes(harness, () => expect(deliveries).toHaveLength(1));
    memoryFaults(redis).failNext(new Error('READONLY'), { match: callsOf(renew), times: 3 });
    memoryFaults(redis).disconnect();
    await harness.advance(3_500);
    memoryFaults(redis).reconnect();
    await harness.advance(20_000);
    expect(deliveries).toHaveLength(1);
    expect(deliveries[0]!.isValid()).toBe(true);
    finish(complete);
    await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1));
  });

  it('does not keep a stop from ending', async () => {
    const { engine, redis } = await openEngine(harness, timeout);
    const consumer = engine.consume({ handle: () => new Promise(() => {}) });
    consumer.start();
    await engine.enqueue(named('a'));
    await becomes(harness, () => expect(consumer.stats().active).toBe(1));
    memoryFaults(redis).disconnect();
    const stopping = consumer.stop({ drainMs: 100, abortMs: 100 });
    await harness.advance(3_000);
    expect(await stopping).toMatchObject({ aborted: 1, returned: 1 });
    memoryFaults(redis).reconnect();
  });
});

describe('closing', () => {
  it('reports nothing of what is still on its way: the caller closed it', async () => {
    const { engine, redis, errors } = await openEngine(harness, { ...timeout, visibilityMs: 3_000 });
    const consumer = engine.consume({ handle: () => new Promise(() => {}) });
    consumer.start();
    await engine.enqueue(named('a'));
    await becomes(harness, () => expect(consumer.stats().active).toBe(1));
    // The renewal is due after a second, and tried again and again until its deadline.
    memoryFaults(redis).failNext(new Error('READONLY'), { match: callsOf(renew), times: 1_000 });
    await harness.advance(1_100);
    const closing = redis.close({ drainMs: 0, abortMs: 0 });
    await settled(harness);
    expect((await closing).parts).toMatchObject([{ returned: 1 }]);
    await harness.advance(2_000);
    expect(errors).toEqual([]);
  });
});

describe('a lost message', () => {
  it('costs latency, never progress', async () => {
    const { engine, redis } = await openEngine(harness);
    const producer = await openEngine(harness, { name: engine.name });
    const handled: string[] = [];
    const consumer = engine.consume({
      handle: ({ id }) => {
        handled.push(id);
        return Promise.resolve(complete);
      },
    });
    consumer.start();
    await settled(harness);
    memoryFaults(redis).messages.drop(1);
    await producer.engine.enqueue(named('a'));
    await harness.advance(1_000);
    expect(handled).toEqual([]);
    await harness.advance(4_100);
    expect(handled).toEqual(['a']);
  });

  it('is made up for as soon as the subscriber is back', async () => {
    const { engine, redis } = await openEngine(harness);
    const producer = await openEngine(harness, { name: engine.name });
    const handled: string[] = [];
    const consumer = engine.consume({
      handle: ({ id }) => {
        handled.push(id);
        return Promise.resolve(complete);
      },
    });
    consumer.start();
    await settled(harness);
    memoryFaults(redis).disconnect();
    await producer.engine.enqueue(named('a'));
    memoryFaults(redis).reconnect();
    await settled(harness);
    expect(handled).toEqual(['a']);
  });

  it('twice delivered does nothing twice', async () => {
    const { engine, redis } = await openEngine(harness);
    const producer = await openEngine(harness, { name: engine.name });
    const consumer = engine.consume({ handle: () => Promise.resolve(complete) });
    consumer.start();
    await settled(harness);
    memoryFaults(redis).messages.duplicate(3);
    await producer.engine.enqueue(named('a', 'b'));
    await settled(harness);
    expect(await engine.stats()).toMatchObject({ completed: 2, leased: 0 });
  });
});

describe('idle', () => {
  it('costs a turn per slow poll and nothing else', async () => {
    const { engine } = await openEngine(harness);
    const consumer = engine.consume({ handle: () => Promise.resolve(complete) });
    consumer.start();
    await harness.advance(100);
    const before = consumer.stats().turns;
    await harness.advance(60_000);
    expect(consumer.stats().turns - before).toBe(12);
  });

  it('looks no later than a short lease could end', async () => {
    const { engine } = await openEngine(harness, { visibilityMs: 1_000 });
    const consumer = engine.consume({ handle: () => Promise.resolve(complete) });
    consumer.start();
    await harness.advance(100);
    const before = consumer.stats().turns;
    await harness.advance(10_000);
    expect(consumer.stats().turns - before).toBe(10);
  });
});

describe('a server clock that steps back by an hour', () => {
  it('keeps an item from others for one visibility at most, however long its lease now seems', async () => {
    const { engine, redis } = await openEngine(harness, { visibilityMs: 5_000 });
    await engine.enqueue(named('a'));
    const [lost] = await engine.receive();
    (redis.clock as ManualClock).stepWall(-3_600_000);
    const consumer = engine.consume({ handle: () => Promise.resolve(complete) });
    consumer.start();
    await harness.advance(4_000);
    expect(await engine.stats()).toMatchObject({ leased: 1, completed: 0 });
    await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1), 7_000);
    await expect(lost!.settle(complete)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect((await engine.health()).checks).toContainEqual(
      expect.objectContaining({ name: 'clock', status: 'degraded' }),
    );
  });
});

describe('a worker that is gone', () => {
  it('is forgotten once no lease of its can last, by those that are left', async () => {
    const { engine, redis } = await openEngine(harness, { visibilityMs: 1_000 });
    const meta = redis.keyspace('queue', engine.name, 0).key('meta');
    const fields = redis.client as unknown as { hkeys(key: string): Promise<string[]> };
    const records = async (): Promise<string[]> =>
      (await fields.hkeys(meta)).filter((field) => field.startsWith('@'));
    const gone = await openEngine(harness, { name: engine.name, visibilityMs: 1_000 });
    await gone.engine.enqueue(named('a'));
    await gone.engine.receive();
    const left = await records();
    expect(left.length).toBeGreaterThan(0);
    memoryFaults(gone.redis).disconnect();
    await harness.advance(62_000);
    await engine.enqueue(named('b'));
    expect((await records()).filter((field) => left.includes(field))).toEqual([]);
    memoryFaults(gone.redis).reconnect();
    await harness.advance(2_000);
  });

  it('is not forgotten as long as it keeps a lease, so that it hears of a cancellation at once', async () => {
    const { engine } = await openEngine(harness, { visibilityMs: 30_000 });
    const held: Delivery[] = [];
    const consumer = engine.consume({
      concurrency: 1,
      handle: (delivery) => {
        held.push(delivery);
        return new Promise(() => {});
      },
    });
    consumer.start();
    await engine.enqueue(named('a'));
    await becomes(harness, () => expect(held).toHaveLength(1));
    const other = await openEngine(harness, { name: engine.name });
    for (let n = 0; n < 5; n += 1) {
      await harness.advance(50_000);
      await other.engine.enqueue(named(`b${n}`));
    }
    expect(await other.engine.cancel('a')).toBe('cancelling');
    await settled(harness);
    expect(held[0]!.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
  });
});
