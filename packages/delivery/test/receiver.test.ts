import type { Redis } from '@lockstep/redis';
import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { memoryHarness } from '@lockstep/testing';
import { afterAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../src/delivery.ts';
import type { Settlement } from '../src/item.ts';
import { getItem } from '../src/scripts/read.ts';
import { turn } from '../src/scripts/turn.ts';
import { becomes, named, openEngine, settled, type Opened } from './behaviour/open-engine.ts';

const harness = memoryHarness();
afterAll(() => harness[Symbol.asyncDispose]());

const timeout = { connect: { commandTimeoutMs: 1_000 } };
const complete: Settlement = { type: 'complete', result: 'done', keepMs: 60_000 };

async function held(visibilityMs = 60_000): Promise<Opened & { readonly lease: Delivery }> {
  const opened = await openEngine(harness, { ...timeout, visibilityMs });
  await opened.engine.enqueue(named('a'));
  const [lease] = await opened.engine.receive();
  return { ...opened, lease: lease! };
}

/** No turn of this connection is answered until the returned function is called. */
function loseReplies(redis: Redis): () => void {
  let deaf = true;
  const turns = callsOf(turn);
  memoryFaults(redis).loseReply({ match: (...call) => deaf && turns(...call), times: Infinity });
  return () => {
    deaf = false;
  };
}

/** The settlement, whose call is answered or given up within a second and a half. */
async function within(settling: Promise<void>): Promise<PromiseSettledResult<void>> {
  const [outcome] = await Promise.allSettled([settling, harness.advance(1_500)]);
  return outcome;
}

describe('a receiver that sleeps', () => {
  it('looks again as soon as the subscriber is back: a bell may have been missed', async () => {
    const { engine, redis } = await openEngine(harness);
    const producer = await openEngine(harness, { name: engine.name });
    const waiting = engine.receive({ waitMs: 20_000 });
    await harness.advance(100);
    memoryFaults(redis).disconnect();
    await producer.engine.enqueue(named('a'));
    const before = harness.clock.monotonic();
    memoryFaults(redis).reconnect();
    await becomes(harness, async () => expect((await producer.engine.stats()).leased).toBe(1), 1_000);
    expect(harness.clock.monotonic() - before).toBeLessThan(1_000);
    expect(await waiting).toMatchObject([{ id: 'a' }]);
  });

  it('looks again when its channel is heard at last', async () => {
    const { engine, redis } = await openEngine(harness);
    const producer = await openEngine(harness, { name: engine.name });
    const { doorbell } = redis;
    let heard!: () => void;
    const late = new Promise<void>((resolve) => (heard = resolve));
    Object.defineProperty(doorbell, 'ready', { value: late });
    const waiting = engine.receive({ waitMs: 20_000 });
    await settled(harness);
    // What is rung now reaches nobody.
    memoryFaults(redis).messages.drop(1);
    await producer.engine.enqueue(named('a'));
    await settled(harness);
    heard();
    await becomes(harness, async () => expect((await producer.engine.stats()).leased).toBe(1), 1_000);
    expect(await waiting).toMatchObject([{ id: 'a' }]);
  });

  it('costs one look more than its polls', async () => {
    const { engine, redis } = await openEngine(harness);
    let turns = 0;
    memoryFaults(redis).failNext(new Error('never'), {
      match: (...call) => {
        if (callsOf(turn)(...call)) turns += 1;
        return false;
      },
    });
    await settled(harness);
    const waiting = engine.receive({ waitMs: 20_000 });
    await harness.advance(20_100);
    expect(await waiting).toEqual([]);
    // At once, armed, when the channel is heard for the first time, and every five seconds.
    expect(turns).toBeLessThanOrEqual(3 + 4);
  });
});

describe('a receiver whose connection broke', () => {
  it('is told what was cancelled meanwhile', async () => {
    const { engine, redis, lease } = await held();
    const other = await openEngine(harness, { name: engine.name });
    expect(lease.signal.aborted).toBe(false);
    memoryFaults(redis).disconnect();
    expect(await other.engine.cancel('a')).toBe('cancelling');
    await settled(harness);
    expect(lease.signal.aborted).toBe(false);
    memoryFaults(redis).reconnect();
    await becomes(harness, () => expect(lease.signal.aborted).toBe(true), 1_000);
    expect(lease.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
  });
});

describe('a receiver whose connection breaks again and again', () => {
  it('asks about what it holds once at a time', async () => {
    const { redis, lease } = await held();
    let asked = 0;
    const questions = callsOf(getItem);
    memoryFaults(redis).failNext(new Error('never'), {
      match: (...call) => {
        if (questions(...call)) asked += 1;
        return false;
      },
    });
    for (let breaks = 0; breaks < 20; breaks += 1) {
      memoryFaults(redis).disconnect();
      memoryFaults(redis).reconnect();
      await Promise.resolve();
    }
    await settled(harness);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(4);
    expect(lease.isValid()).toBe(true);
  });
});

describe('a call that claims', () => {
  it('hears of what is cancelled before its reply is there', async () => {
    const { engine, redis } = await openEngine(harness, { connect: { commandTimeoutMs: 30_000 } });
    const other = await openEngine(harness, { name: engine.name });
    await engine.enqueue(named('a'));
    const hear = loseReplies(redis);
    const receiving = engine.receive();
    await becomes(harness, async () => expect((await other.engine.stats()).leased).toBe(1), 1_000);
    expect(await other.engine.cancel('a')).toBe('cancelling');
    hear();
    await harness.advance(2_000);
    const [lease] = await receiving;
    await becomes(harness, () => expect(lease!.signal.aborted).toBe(true), 1_000);
    expect(lease!.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
  });

  it('leaves nothing behind when the engine closes before its reply is there', async () => {
    const { engine } = await openEngine(harness);
    const other = await openEngine(harness, { name: engine.name });
    await engine.enqueue(named('a'));
    const receiving = engine.receive();
    const [closed, received] = await Promise.allSettled([engine.close(), receiving, settled(harness)]);
    expect(received).toMatchObject({ reason: { code: 'CLOSED' } });
    expect(closed).toMatchObject({ value: { returned: 1, errors: [] } });
    expect(await other.engine.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } });
  });
});

describe('a settlement that failed', () => {
  it('and was not executed completes the item when it is repeated', async () => {
    const { engine, redis, lease } = await held();
    memoryFaults(redis).disconnect();
    expect(await within(lease.settle(complete))).toMatchObject({ reason: { code: 'REDIS_UNAVAILABLE' } });
    expect(lease.isValid()).toBe(true);
    memoryFaults(redis).reconnect();
    await settled(harness);
    expect(await within(lease.settle(complete))).toMatchObject({ status: 'fulfilled' });
    expect(await engine.outcome('a')).toMatchObject({ status: 'completed', result: 'done' });
    await expect(lease.settle(complete)).rejects.toMatchObject({ code: 'LEASE_LOST', reason: 'released' });
    expect(await engine.stats()).toMatchObject({ completed: 1, leased: 0 });
  });

  it('but was executed resolves when it is repeated: nobody else can have ended the lease', async () => {
    const { engine, redis, lease } = await held();
    const hear = loseReplies(redis);
    const failed = await within(lease.settle(complete));
    expect(failed).toMatchObject({ reason: { code: 'REDIS_UNAVAILABLE', outcomeUnknown: true } });
    const other = await openEngine(harness, { name: engine.name });
    expect(await other.engine.stats()).toMatchObject({ completed: 1, leased: 0 });
    hear();
    expect(await within(lease.settle(complete))).toMatchObject({ status: 'fulfilled' });
    expect(await other.engine.stats()).toMatchObject({ completed: 1, leased: 0 });
  });

  it('but was executed refuses another outcome', async () => {
    const { redis, lease } = await held();
    const hear = loseReplies(redis);
    await within(lease.settle(complete));
    hear();
    const other: Settlement = { type: 'retry', delayMs: 0, error: 'x' };
    expect(await within(lease.settle(other))).toMatchObject({ reason: { code: 'LEASE_LOST' } });
  });

  it('twice, as one thing and as another, leaves open which of them was executed', async () => {
    const { redis, lease } = await held();
    const hear = loseReplies(redis);
    const other: Settlement = { type: 'retry', delayMs: 0, error: 'x' };
    expect(await within(lease.settle(other))).toMatchObject({ reason: { code: 'REDIS_UNAVAILABLE' } });
    expect(await within(lease.settle(complete))).toMatchObject({ reason: { code: 'REDIS_UNAVAILABLE' } });
    hear();
    expect(await within(lease.settle(complete))).toMatchObject({ reason: { code: 'LEASE_LOST' } });
  });

  it('is refused when it is repeated after the lease: somebody else may have had the item', async () => {
    const { redis, lease } = await held(3_000);
    const hear = loseReplies(redis);
    await within(lease.settle(complete));
    hear();
    await harness.advance(2_000);
    expect(await within(lease.settle(complete))).toMatchObject({ reason: { code: 'LEASE_LOST' } });
  });

  it('is followed by a release when the lease is disposed of, and when the engine closes', async () => {
    const { engine, redis, lease } = await held();
    memoryFaults(redis).disconnect();
    await within(lease.settle(complete));
    memoryFaults(redis).reconnect();
    await settled(harness);
    await Promise.all([lease[Symbol.asyncDispose](), settled(harness)]);
    expect(await engine.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } });
    const [again] = await engine.receive();
    memoryFaults(redis).disconnect();
    await within(again!.settle(complete));
    memoryFaults(redis).reconnect();
    await settled(harness);
    expect(await engine.close()).toMatchObject({ returned: 1, errors: [] });
  });

  it('because of a number that is none may be put right', async () => {
    const { engine, lease } = await held();
    await expect(lease.settle({ type: 'retry', delayMs: NaN })).rejects.toMatchObject({
      code: 'CONFIGURATION',
    });
    await lease.settle(complete);
    expect(await engine.stats()).toMatchObject({ completed: 1 });
  });
});
