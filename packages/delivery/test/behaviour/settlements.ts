import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../../src/delivery.ts';
import type { Engine } from '../../src/engine.ts';
import { createPartition } from '../../src/keys.ts';
import { becomes, named, openEngine } from './open-engine.ts';

async function receiveOne(engine: Engine): Promise<Delivery> {
  const [delivery] = await engine.receive();
  expect(delivery).toBeDefined();
  return delivery!;
}

export function settlementBehaviour(harness: BehaviourHarness): void {
  describe('settlements', () => {
    it('completes: nothing of the item is left', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const delivery = await receiveOne(engine);
      expect(delivery).toMatchObject({ deliveries: 1, attempts: 0, partition: 0, priority: 'normal' });
      await delivery.settle({ type: 'complete' });
      expect(await engine.get('a')).toBeUndefined();
      expect(await engine.stats()).toMatchObject({ completed: 1, leased: 0, ready: { normal: 0 } });
      expect(delivery.isValid()).toBe(false);
    });

    it('retries after the delay, counting the attempt and keeping the error', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      await (await receiveOne(engine)).settle({ type: 'retry', delayMs: 300, error: 'first' });
      expect(await engine.receive()).toEqual([]);
      expect(await engine.get('a')).toMatchObject({ state: 'delayed', attempts: 1, worker: undefined });
      await harness.advance(350);
      const again = await receiveOne(engine);
      expect(again).toMatchObject({ deliveries: 2, attempts: 1 });
      await again.settle({ type: 'retry', delayMs: 0, error: 'second' });
      const item = await engine.get('a');
      expect(item).toMatchObject({ state: 'ready', attempts: 2 });
      expect(item!.history.map(({ error }) => error)).toEqual(['first', 'second']);
      expect((await engine.stats()).failed).toBe(2);
    });

    it('keeps the last ten errors', async () => {
      const { engine } = await openEngine(harness, { maxDeliveries: 100 });
      await engine.enqueue(named('a'));
      for (let attempt = 1; attempt <= 13; attempt += 1) {
        await harness.advance(2);
        await (await receiveOne(engine)).settle({ type: 'retry', delayMs: 0, error: `error ${attempt}` });
      }
      const errors = (await engine.get('a'))!.history.map(({ error }) => error);
      expect(errors).toEqual(Array.from({ length: 10 }, (_, index) => `error ${index + 4}`));
    });

    it('releases to the front without counting a delivery or an attempt', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a', 'b', 'c'));
      const [a, b] = await engine.receive({ max: 2 });
      await Promise.all([a!.settle({ type: 'release' }), b!.settle({ type: 'release' })]);
      const again = await engine.receive({ max: 3 });
      expect(again.map(({ id, deliveries, attempts }) => [id, deliveries, attempts])).toEqual([
        ['a', 1, 0],
        ['b', 1, 0],
        ['c', 1, 0],
      ]);
    });

    it('releases with a delay', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      await (await receiveOne(engine)).settle({ type: 'release', delayMs: 200 });
      expect(await engine.receive()).toEqual([]);
      await harness.advance(250);
      expect(await receiveOne(engine)).toMatchObject({ deliveries: 1, attempts: 0 });
    });

    it('releases when disposed, unless it was settled', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      {
        await using delivery = await receiveOne(engine);
        expect(delivery.isValid()).toBe(true);
      }
      expect(await engine.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } });
      {
        await using delivery = await receiveOne(engine);
        await delivery.settle({ type: 'complete' });
      }
      expect(await engine.stats()).toMatchObject({ leased: 0, ready: { normal: 0 }, completed: 1 });
    });

    it('refuses a second settlement', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const delivery = await receiveOne(engine);
      const [first, second] = await Promise.allSettled([
        delivery.settle({ type: 'complete' }),
        delivery.settle({ type: 'retry', delayMs: 0 }),
      ]);
      expect(first.status).toBe('fulfilled');
      expect(second).toMatchObject({ status: 'rejected', reason: { code: 'LEASE_LOST' } });
    });

    it('refuses numbers that are none before anything is sent', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const delivery = await receiveOne(engine);
      await expect(delivery.settle({ type: 'retry', delayMs: NaN })).rejects.toMatchObject({
        code: 'CONFIGURATION',
      });
      expect((await engine.stats()).leased).toBe(1);
    });

    it('settles more in one tick than one turn takes', async () => {
      const { engine, redis } = await openEngine(harness);
      await engine.enqueue(named(...Array.from({ length: 410 }, (_, index) => `i${index}`)));
      const received = await engine.receive({ max: 410 });
      const calls = vi.spyOn(redis, 'run');
      const settle = async (delivery: Delivery, index: number): Promise<void> =>
        delivery.settle(index % 2 === 0 ? { type: 'complete' } : { type: 'dead', reason: 'odd' });
      await Promise.all(received.map(settle));
      expect(calls).toHaveBeenCalledTimes(2);
      expect(await engine.stats()).toMatchObject({ completed: 205, dead: 205, leased: 0 });
    });

    it('settles many in one tick, each answered by itself', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 500 });
      await engine.enqueue(named('a', 'b'));
      const late = (await engine.receive({ max: 2 })).slice();
      await harness.advance(600);
      await engine.enqueue(named('c'));
      const [a, b, c] = await engine.receive({ max: 3, visibilityMs: 60_000 });
      const results = await Promise.allSettled([
        late[0]!.settle({ type: 'complete' }),
        a!.settle({ type: 'complete' }),
        late[1]!.settle({ type: 'dead', reason: 'stale' }),
        b!.settle({ type: 'release' }),
        c!.settle({ type: 'complete' }),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
        'fulfilled',
      ]);
      expect(await engine.stats()).toMatchObject({ completed: 2, dead: 0, leased: 0, ready: { normal: 1 } });
    });
  });

  describe('outcomes', () => {
    it('keeps a result as long as it was asked to', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a', 'b'));
      const [a, b] = await engine.receive({ max: 2 });
      await a!.settle({ type: 'complete', result: '', keepMs: 500 });
      await b!.settle({ type: 'complete', keepMs: 500 });
      expect(await engine.outcome('a')).toMatchObject({ status: 'completed', result: '' });
      expect(await engine.outcome('b')).toMatchObject({ status: 'completed', result: undefined });
      expect((await engine.stats()).kept).toBe(2);
      await harness.advance(550);
      expect(await engine.outcome('a')).toEqual({ status: 'unknown' });
      expect(await engine.sweep()).toMatchObject({ kept: 2 });
      expect((await engine.stats()).kept).toBe(0);
    });

    it('tells whoever waits, also of an outcome that is not kept', async () => {
      const { engine } = await openEngine(harness);
      const other = await openEngine(harness, { name: engine.name });
      await engine.enqueue(named('a', 'b'));
      const waiting = Promise.all([
        other.engine.outcome('a', { waitMs: 60_000 }),
        engine.outcome('a', { waitMs: 60_000 }),
        engine.outcome('b', { waitMs: 60_000 }),
      ]);
      // Who comes when it is over, and nothing is kept, hears nothing: all three must be waiting by then.
      await harness.advance(harness.real ? 700 : 20);
      const [a, b] = await engine.receive({ max: 2 });
      await a!.settle({ type: 'complete', result: 'done' });
      await b!.settle({ type: 'dead', reason: 'because', error: 'x' });
      const [theirs, ours, dead] = await waiting;
      expect(theirs).toMatchObject({ status: 'completed', result: 'done' });
      expect(ours).toMatchObject({ status: 'completed', result: 'done' });
      expect(dead).toMatchObject({ status: 'dead', reason: 'because', history: [{ error: 'x' }] });
    });

    it('says pending when the wait is over, unknown when there is nothing to wait for', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const pending = engine.outcome('a', { waitMs: 300 });
      await harness.advance(400);
      expect(await pending).toEqual({ status: 'pending' });
      expect(await engine.outcome('nothing', { waitMs: 60_000 })).toEqual({ status: 'unknown' });
    });

    it('leaves no waiter behind when the wait is over, and no other one without its bell', async () => {
      const { engine, redis } = await openEngine(harness, { partitions: 2 });
      const other = await openEngine(harness, { name: engine.name, partitions: 2 });
      const stop = new AbortController();
      await engine.enqueue([{ id: 'a', body: '', routeBy: 'b' }, ...named('b', 'c')]);
      const over = [
        engine.outcome('a', { waitMs: 300 }),
        engine.outcome('b', { waitMs: 300 }),
        engine.outcome('b', { waitMs: 60_000, signal: stop.signal }).catch(() => {}),
      ];
      const waiting = other.engine.outcome('b', { waitMs: 60_000 });
      await harness.advance(harness.real ? 700 : 200);
      stop.abort(new Error('enough'));
      await harness.advance(200);
      await Promise.all(over);
      const waiters = async (): Promise<string[]> => {
        const keys = [0, 1].map((index) => createPartition(redis, 'queue', engine.name, index).keys);
        const fields = redis.client as unknown as { hvals(key: string): Promise<string[]> };
        return (await Promise.all(keys.map(({ awaiting }) => fields.hvals(awaiting)))).flat();
      };
      await becomes(harness, async () => expect(await waiters()).toHaveLength(1));
      expect((await waiters())[0]).not.toContain('\n');
      // A call takes from one partition.
      const leases = [...(await engine.receive({ max: 3 })), ...(await engine.receive({ max: 3 }))];
      await leases.find(({ id }) => id === 'b')!.settle({ type: 'complete', result: 'done' });
      expect(await waiting).toMatchObject({ result: 'done' });
      expect(await waiters()).toEqual([]);
    });

    it('stops waiting with the reason of the signal', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const stop = new AbortController();
      const waiting = engine.outcome('a', { waitMs: 60_000, signal: stop.signal });
      await harness.advance(20);
      stop.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
    });
  });

  describe('notes', () => {
    it('survive a retry and go with the item', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const first = await receiveOne(engine);
      expect(await first.load('checkpoint')).toBeUndefined();
      await first.save('checkpoint', 'step 2');
      await first.save('progress', '');
      await first.settle({ type: 'retry', delayMs: 0 });
      expect(await engine.get('a')).toMatchObject({ checkpoint: 'step 2', progress: '' });
      const second = await receiveOne(engine);
      expect(await second.load('checkpoint')).toBe('step 2');
      expect(await second.load('progress')).toBe('');
      await second.settle({ type: 'complete' });
      await engine.enqueue(named('a'));
      expect(await (await receiveOne(engine)).load('checkpoint')).toBeUndefined();
    });

    it('go with an item that is completed at its first delivery', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue(named('a'));
      const first = await receiveOne(engine);
      await first.save('progress', '50 %');
      await first.settle({ type: 'complete' });
      await engine.enqueue(named('a'));
      expect(await (await receiveOne(engine)).load('progress')).toBeUndefined();
    });

    it('cannot be written by a holder who lost the lease', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 300 });
      await engine.enqueue(named('a'));
      const stale = await receiveOne(engine);
      await harness.advance(400);
      const current = await engine.receive({ visibilityMs: 60_000 });
      await current[0]!.save('checkpoint', 'new');
      await expect(stale.save('checkpoint', 'old')).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await current[0]!.load('checkpoint')).toBe('new');
    });
  });
}
