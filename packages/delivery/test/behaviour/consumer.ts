import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Consumer, ConsumerOptions } from '../../src/consumer-options.ts';
import type { Delivery } from '../../src/delivery.ts';
import type { Engine } from '../../src/engine.ts';
import type { Settlement } from '../../src/item.ts';
import { createPartition } from '../../src/keys.ts';
import { becomes, named, openEngine, settled } from './open-engine.ts';

const complete: Settlement = { type: 'complete' };

function consume(engine: Engine, options: ConsumerOptions): Consumer {
  const consumer = engine.consume(options);
  onTestFinished(async () => void (await consumer.stop({ drainMs: 0, abortMs: 0 })));
  consumer.start();
  return consumer;
}

/** A handler that holds every delivery until it is told. */
interface Held {
  readonly deliveries: Delivery[];
  readonly handle: ConsumerOptions['handle'];
  readonly finish: (settlement?: Settlement) => void;
}

function held(): Held {
  const deliveries: Delivery[] = [];
  const waiting: ((settlement: Settlement) => void)[] = [];
  return {
    deliveries,
    handle: (delivery) => {
      deliveries.push(delivery);
      return new Promise((resolve) => waiting.push(resolve));
    },
    finish: (settlement = complete) => {
      for (const resolve of waiting.splice(0)) resolve(settlement);
    },
  };
}

export function consumerBehaviour(harness: BehaviourHarness): void {
  describe('consumer', () => {
    it('handles everything, never more at once than its concurrency', async () => {
      const { engine } = await openEngine(harness);
      const overlap = meter(3);
      const handled: string[] = [];
      consume(engine, {
        concurrency: 3,
        async handle({ id }) {
          await overlap.pass();
          handled.push(id);
          return complete;
        },
      });
      const ids = Array.from({ length: 50 }, (_, index) => `i${index}`);
      await engine.enqueue(named(...ids));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(50));
      expect(handled.sort()).toEqual(ids.sort());
      expect(overlap.most).toBe(3);
    });

    it('picks up what comes while it sleeps, without waiting for its poll', async () => {
      const { engine } = await openEngine(harness);
      const { deliveries, handle } = held();
      consume(engine, { handle });
      await settled(harness);
      const producer = await openEngine(harness, { name: engine.name });
      const before = harness.clock.monotonic();
      await producer.engine.enqueue(named('a'));
      await becomes(harness, () => expect(deliveries).toHaveLength(1), 1_000);
      expect(harness.clock.monotonic() - before).toBeLessThan(1_000);
    });

    it('runs delayed items and retries when they are due', async () => {
      const { engine } = await openEngine(harness);
      const attempts: number[] = [];
      consume(engine, {
        handle: (delivery) => {
          attempts.push(delivery.attempts);
          return Promise.resolve(
            delivery.attempts < 2 ? { type: 'retry', delayMs: 150, error: 'x' } : complete,
          );
        },
      });
      await settled(harness);
      await engine.enqueue([{ id: 'a', body: '', delayMs: 200 }]);
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1), 2_000);
      expect(attempts).toEqual([0, 1, 2]);
    });

    it('keeps a lease as long as the handler runs', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 600 });
      const { deliveries, handle, finish } = held();
      consume(engine, { handle });
      await engine.enqueue(named('a'));
      await becomes(harness, () => expect(deliveries).toHaveLength(1));
      await harness.advance(2_000);
      expect(deliveries[0]!.isValid()).toBe(true);
      finish();
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1));
      expect(deliveries).toHaveLength(1);
    });

    it('takes over what a crashed worker left, one lease later', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 1_000 });
      const crashed = await openEngine(harness, { name: engine.name, visibilityMs: 1_000 });
      await engine.enqueue(named('a'));
      await crashed.engine.receive();
      const { deliveries, handle } = held();
      consume(engine, { handle });
      await harness.advance(500);
      expect(deliveries).toHaveLength(0);
      await becomes(harness, () => expect(deliveries).toHaveLength(1), 1_500);
      expect(deliveries[0]).toMatchObject({ deliveries: 2, attempts: 0 });
    });

    it('shares the work between consumers, each item once', async () => {
      const { engine } = await openEngine(harness);
      const other = await openEngine(harness, { name: engine.name });
      const handled: string[] = [];
      const handle = async ({ id }: Delivery): Promise<Settlement> => {
        await new Promise((resolve) => setImmediate(resolve));
        handled.push(id);
        return complete;
      };
      consume(engine, { concurrency: 2, handle });
      consume(other.engine, { concurrency: 2, handle });
      const ids = Array.from({ length: 60 }, (_, index) => `i${index}`);
      await Promise.all(ids.map((id) => engine.enqueue(named(id))));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(60));
      expect(handled.sort()).toEqual(ids.sort());
    });

    it('is told of a cancelled item, wherever the cancel came from', async () => {
      const { engine } = await openEngine(harness, { keepOutcomesMs: 60_000 });
      const other = await openEngine(harness, { name: engine.name });
      const { deliveries, handle, finish } = held();
      consume(engine, { handle });
      await engine.enqueue(named('a'));
      await becomes(harness, () => expect(deliveries).toHaveLength(1));
      const { signal } = deliveries[0]!;
      expect(await other.engine.cancel('a')).toBe('cancelling');
      await becomes(harness, () => expect(signal.aborted).toBe(true), 1_000);
      expect(signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
      finish({ type: 'retry', delayMs: 0, error: 'aborted' });
      await becomes(harness, async () =>
        expect(await engine.outcome('a')).toMatchObject({ status: 'cancelled' }),
      );
      expect(await engine.stats()).toMatchObject({ cancelled: 1, leased: 0, ready: { normal: 0 } });
    });

    it('takes one result: that of the holder', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 500 });
      const accepted: boolean[] = [];
      const { deliveries, handle, finish } = held();
      const { engine: thief } = await openEngine(harness, { name: engine.name });
      const consumer = consume(engine, {
        handle,
        onSettled: (_delivery, _settlement, held) => accepted.push(held),
      });
      await engine.enqueue(named('a'));
      await becomes(harness, () => expect(deliveries).toHaveLength(1));
      // Everything is lost, as after FLUSHALL: the same id is another item now.
      await engine.obliterate();
      await thief.enqueue(named('a'));
      await becomes(harness, () => expect(deliveries[0]!.signal.aborted).toBe(true));
      finish({ type: 'complete', result: 'stale' });
      await becomes(harness, () => expect(accepted).toContain(false));
      expect(consumer.stats().lost).toBe(1);
      await becomes(harness, () => expect(deliveries).toHaveLength(2));
      finish();
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1));
    });

    it('releases an item whose handler threw, and reports it', async () => {
      const { engine, errors } = await openEngine(harness);
      let calls = 0;
      consume(engine, {
        handle: () => {
          calls += 1;
          return calls === 1 ? Promise.reject(new Error('bug')) : Promise.resolve(complete);
        },
      });
      await engine.enqueue(named('a'));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1));
      expect(errors).toMatchObject([{ message: 'bug' }]);
      expect(calls).toBe(2);
    });

    it('may settle inside the handler', async () => {
      const { engine } = await openEngine(harness);
      consume(engine, {
        async handle(delivery) {
          await delivery.settle({ type: 'complete', result: 'early', keepMs: 60_000 });
          return { type: 'dead', reason: 'ignored' };
        },
      });
      await engine.enqueue(named('a'));
      await becomes(harness, async () =>
        expect(await engine.outcome('a')).toMatchObject({ result: 'early' }),
      );
      expect((await engine.stats()).dead).toBe(0);
    });

    it('spreads its concurrency over partitions and serves all of them', async () => {
      const { engine } = await openEngine(harness, { partitions: 3 });
      const overlap = meter(2);
      consume(engine, {
        concurrency: 2,
        async handle() {
          await overlap.pass();
          return complete;
        },
      });
      await engine.enqueue(named(...Array.from({ length: 40 }, (_, index) => `i${index}`)));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(40));
      await settled(harness);
      await engine.enqueue(named(...Array.from({ length: 9 }, (_, index) => `late${index}`)));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(49), 2_000);
      expect(overlap.most).toBe(2);
    });
  });

  describe('stopping a consumer', () => {
    it('lets running work finish', async () => {
      const { engine } = await openEngine(harness);
      const { deliveries, handle, finish } = held();
      const consumer = consume(engine, { handle, concurrency: 2 });
      await engine.enqueue(named('a', 'b', 'c'));
      await becomes(harness, () => expect(deliveries).toHaveLength(2));
      const stopping = consumer.stop({ drainMs: 5_000 });
      await settled(harness);
      finish();
      expect(await stopping).toMatchObject({ finished: 2, returned: 0, aborted: 0, errors: [] });
      expect(await engine.stats()).toMatchObject({ completed: 2, leased: 0, ready: { normal: 1 } });
    });

    it('aborts what does not finish and hands it back, burning neither delivery nor attempt', async () => {
      const { engine } = await openEngine(harness);
      const { deliveries, handle, finish } = held();
      const consumer = consume(engine, { handle });
      await engine.enqueue(named('a', 'b'));
      await becomes(harness, () => expect(deliveries).toHaveLength(2));
      const { signal } = deliveries[0]!;
      const stopping = consumer.stop({ drainMs: 100, abortMs: 100 });
      await harness.advance(300);
      expect(await stopping).toMatchObject({ finished: 0, returned: 2, aborted: 2 });
      expect(signal.reason).toMatchObject({ code: 'SHUTDOWN' });
      finish();
      await settled(harness);
      expect(await engine.stats()).toMatchObject({ completed: 0, leased: 0, ready: { normal: 2 } });
      expect(await engine.receive({ max: 2 })).toMatchObject([
        { id: 'a', deliveries: 1, attempts: 0 },
        { id: 'b', deliveries: 1, attempts: 0 },
      ]);
    });

    it('leaves nothing behind, neither of an item nor of what was noted with one', async () => {
      const { engine, redis } = await openEngine(harness);
      const handle = async (delivery: Delivery): Promise<Settlement> => {
        if (delivery.id === 'noted') {
          for (const note of ['progress', 'checkpoint', 'routing'] as const) await delivery.save(note, 'x');
        }
        return complete;
      };
      const consumer = consume(engine, { handle });
      await engine.enqueue(named('a', 'noted'));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(2));
      await consumer.stop();
      await engine.close();
      // Key by key: in a cluster, KEYS asks any one node.
      const { all, keys } = createPartition(redis, 'queue', engine.name, 0);
      const left: string[] = [];
      for (const key of all) if (await redis.client.exists(key)) left.push(key);
      expect(left).toEqual([keys.meta]);
    });

    it('may be started and stopped in any order', async () => {
      const { engine } = await openEngine(harness);
      const consumer = engine.consume({ handle: () => Promise.resolve(complete) });
      await consumer.stop();
      consumer.start();
      consumer.start();
      await Promise.all([consumer.stop(), consumer.stop()]);
      consumer.start();
      await engine.enqueue(named('a'));
      await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1));
      await consumer.stop();
      await engine.close();
      expect(() => consumer.start()).toThrow('closed');
    });

    it('ends with its connection', async () => {
      const { engine, redis } = await openEngine(harness);
      const { deliveries, handle } = held();
      consume(engine, { handle });
      await engine.enqueue(named('a', 'b'));
      await becomes(harness, () => expect(deliveries).toHaveLength(2));
      const other = await openEngine(harness, { name: engine.name });
      const closing = redis.close({ drainMs: 50, abortMs: 50 });
      await harness.advance(200);
      const { parts } = await closing;
      expect(parts).toMatchObject([{ name: `queue ${engine.name}`, returned: 2, aborted: 2 }]);
      expect(await other.engine.stats()).toMatchObject({ leased: 0, ready: { normal: 2 } });
      await expect(engine.enqueue(named('c'))).rejects.toMatchObject({ code: 'CLOSED' });
    });
  });
}

/** Counts how many handlers overlap. The first wait until `full` are inside: that must not depend on the machine. */
function meter(full: number): { readonly most: number; pass(): Promise<void> } {
  let [active, most] = [0, 0];
  let open = (): void => {};
  const filled = new Promise<void>((resolve) => (open = resolve));
  return {
    get most() {
      return most;
    },
    async pass() {
      active += 1;
      most = Math.max(most, active);
      if (most >= full) open();
      await filled;
      await new Promise((resolve) => setImmediate(resolve));
      active -= 1;
    },
  };
}
