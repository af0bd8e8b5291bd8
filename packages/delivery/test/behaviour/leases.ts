import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/options.ts';
import { Store } from '../../src/store.ts';
import { becomes, named, openEngine } from './open-engine.ts';

export function leaseBehaviour(harness: BehaviourHarness): void {
  describe('leases', () => {
    it('hands an item out again when its lease has run out, with a larger token', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 300 });
      await engine.enqueue(named('a'));
      const [first] = await engine.receive();
      expect(await engine.receive()).toEqual([]);
      await harness.advance(350);
      const [second] = await engine.receive({ visibilityMs: 60_000 });
      expect(second).toMatchObject({ id: 'a', deliveries: 2, attempts: 0 });
      expect(second!.fencingToken).toBeGreaterThan(first!.fencingToken);
      expect(first!.isValid()).toBe(false);
      expect(first!.signal.reason).toMatchObject({ code: 'LEASE_LOST', reason: 'expired' });
      await expect(first!.settle({ type: 'complete' })).rejects.toMatchObject({ code: 'LEASE_LOST' });
      await second!.settle({ type: 'complete' });
      expect(await engine.stats()).toMatchObject({ completed: 1, reclaimed: 1 });
    });

    it('accepts a late settlement as long as nobody else has claimed the item', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 300 });
      await engine.enqueue(named('a'));
      const [late] = await engine.receive();
      await harness.advance(350);
      await late!.settle({ type: 'complete' });
      expect(await engine.stats()).toMatchObject({ completed: 1, reclaimed: 0 });
    });

    it('lasts as long as the item says, or as the receiver says', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 300 });
      await engine.enqueue([
        { id: 'short', body: '' },
        { id: 'long', body: '', visibilityMs: 60_000 },
      ]);
      const both = await engine.receive({ max: 2 });
      expect(both.map(({ visibilityMs }) => visibilityMs)).toEqual([300, 60_000]);
      await harness.advance(350);
      const again = await engine.receive({ max: 2, visibilityMs: 400 });
      expect(again.map(({ id, visibilityMs }) => [id, visibilityMs])).toEqual([['short', 400]]);
    });

    it('is extended by its holder', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 500 });
      await engine.enqueue(named('a'));
      const [lease] = await engine.receive();
      await harness.advance(200);
      await lease!.extend(1_500);
      await harness.advance(600);
      expect(lease!.isValid()).toBe(true);
      expect(await engine.receive()).toEqual([]);
      await lease!.settle({ type: 'complete' });
    });

    it('cannot be extended once somebody else has it', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 300 });
      await engine.enqueue(named('a'));
      const [lost] = await engine.receive();
      await harness.advance(350);
      await engine.receive({ visibilityMs: 60_000 });
      await expect(lost!.extend(60_000)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    });

    it('ends in the dead letters after maxDeliveries crashes', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 200, maxDeliveries: 2 });
      await engine.enqueue(named('poison'));
      for (const deliveries of [1, 2]) {
        expect(await engine.receive()).toMatchObject([{ deliveries }]);
        await harness.advance(250);
      }
      expect(await engine.receive()).toEqual([]);
      expect(await engine.deadLetters.get('poison')).toMatchObject({
        dead: { reason: 'max-deliveries' },
        deliveries: 2,
        attempts: 0,
      });
    });

    it('ends in the dead letters for crashes alone: a failed attempt is not one', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 200, maxDeliveries: 2 });
      await engine.enqueue(named('a'));
      for (const deliveries of [1, 2, 3]) {
        const [lease] = await engine.receive();
        expect(lease).toMatchObject({ deliveries, attempts: deliveries - 1 });
        await lease!.settle({ type: 'retry', delayMs: 0, error: 'x' });
      }
      for (const deliveries of [4, 5]) {
        expect(await engine.receive()).toMatchObject([{ deliveries, attempts: 3 }]);
        await harness.advance(250);
      }
      expect(await engine.receive()).toEqual([]);
      expect(await engine.deadLetters.get('a')).toMatchObject({
        dead: { reason: 'max-deliveries' },
        deliveries: 5,
        attempts: 3,
      });
    });

    it.each([0, -1, 99, 100.5, NaN, Infinity, 13 * 60 * 60_000])(
      'is not extended to %s ms, whoever holds it',
      async (ttlMs) => {
        const { engine } = await openEngine(harness);
        const refused = { code: 'CONFIGURATION', path: 'ttlMs' };
        await engine.enqueue(named('received'));
        const [received] = await engine.receive();
        await expect(received!.extend(ttlMs)).rejects.toMatchObject(refused);
        const outcomes: unknown[] = [];
        const consumer = engine.consume({
          handle: async (delivery) => {
            outcomes.push(await delivery.extend(ttlMs).catch((error: unknown) => error));
            return { type: 'complete' };
          },
        });
        consumer.start();
        await engine.enqueue(named('handled'));
        await becomes(harness, async () => expect((await engine.stats()).completed).toBe(1));
        expect(outcomes).toMatchObject([refused]);
        expect(received!.isValid()).toBe(true);
      },
    );

    it('is not shortened by a renewal, only by its holder', async () => {
      const { engine, redis } = await openEngine(harness);
      const store = new Store(resolveOptions({ redis, kind: 'queue', name: engine.name }), 0);
      await engine.enqueue(named('a'));
      const [lease] = await engine.receive();
      const end = async (): Promise<number> => (await engine.get('a'))!.at!;
      const before = await end();
      const late = [lease!.id, lease!.fencingToken, 1_000];
      expect(await store.renew(late, 1_000)).toEqual(['renewed']);
      expect(await end()).toBe(before);
      await lease!.extend(2_000);
      expect(await end()).toBeLessThan(before - 20_000);
    });

    it('receives nothing at once without a wait, and waits as long as it may', async () => {
      const { engine } = await openEngine(harness);
      expect(await engine.receive()).toEqual([]);
      const waiting = engine.receive({ waitMs: 400 });
      await harness.advance(500);
      expect(await waiting).toEqual([]);
    });

    it('wakes a waiting receiver', async () => {
      const { engine } = await openEngine(harness);
      const producer = await openEngine(harness, { name: engine.name });
      const waiting = engine.receive({ waitMs: 20_000 });
      await harness.advance(50);
      const before = harness.clock.monotonic();
      await producer.engine.enqueue(named('a'));
      expect((await waiting).map(({ id }) => id)).toEqual(['a']);
      expect(harness.clock.monotonic() - before).toBeLessThan(2_000);
    });

    it('wakes a waiting receiver when something is due', async () => {
      const { engine } = await openEngine(harness);
      const waiting = engine.receive({ waitMs: 20_000 });
      await harness.advance(50);
      await engine.enqueue([{ id: 'later', body: '', delayMs: 300 }]);
      await harness.advance(400);
      expect((await waiting).map(({ id }) => id)).toEqual(['later']);
    });

    it('gives back what a receiver claimed that had stopped waiting', async () => {
      const { engine } = await openEngine(harness);
      const stop = new AbortController();
      await engine.enqueue(named('a'));
      const receiving = engine.receive({ signal: stop.signal });
      stop.abort(new Error('enough'));
      await expect(receiving).rejects.toThrow('enough');
      await harness.advance(50);
      expect(await engine.stats()).toMatchObject({ leased: 0, ready: { normal: 1 } });
    });
  });
}
