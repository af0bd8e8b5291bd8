import { getEventListeners } from 'node:events';
import { LeaseLostError } from '@lockstep/core';
import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/delivery.ts';
import { becomes, named, openEngine, settled } from './open-engine.ts';

/** Claims by hand, beyond what `leases.ts` says of every lease. */
export function receiveBehaviour(harness: BehaviourHarness): void {
  describe('a signal given to receive', () => {
    it('takes back nothing that was handed out, and is let go of', async () => {
      const { engine } = await openEngine(harness);
      const stop = new AbortController();
      await engine.enqueue(named('a', 'b'));
      const [a] = await engine.receive({ signal: stop.signal });
      const [b] = await engine.receive({ waitMs: 5_000, signal: stop.signal });
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
      stop.abort(new Error('enough'));
      await settled(harness);
      expect(await engine.stats()).toMatchObject({ leased: 2 });
      for (const lease of [a!, b!]) await lease.settle({ type: 'complete' });
      expect(await engine.stats()).toMatchObject({ leased: 0, completed: 2 });
    });

    it('is let go of by a call that comes back empty, and by one that rejects', async () => {
      const { engine } = await openEngine(harness);
      const stop = new AbortController();
      expect(await engine.receive({ signal: stop.signal })).toEqual([]);
      await engine.close();
      await expect(engine.receive({ signal: stop.signal })).rejects.toMatchObject({ code: 'CLOSED' });
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    });

    it('ends a wait at once, which leaves nobody behind to be rung in vain', async () => {
      const { engine } = await openEngine(harness);
      const other = await openEngine(harness, { name: engine.name });
      const stop = new AbortController();
      const stopped = engine.receive({ waitMs: 20_000, signal: stop.signal });
      await settled(harness);
      const waiting = other.engine.receive({ waitMs: 20_000 });
      await settled(harness);
      stop.abort(new Error('enough'));
      await expect(stopped).rejects.toThrow('enough');
      await settled(harness);
      const before = harness.clock.monotonic();
      await other.engine.enqueue(named('a'));
      await settled(harness);
      expect((await waiting).map(({ id }) => id)).toEqual(['a']);
      expect(harness.clock.monotonic() - before).toBeLessThan(1_000);
    });
  });

  describe('an item that was received', () => {
    it('has its signal aborted when it is cancelled, and is not handed out again', async () => {
      const { engine } = await openEngine(harness);
      const other = await openEngine(harness, { name: engine.name });
      await engine.enqueue(named('a', 'b'));
      const [a, b] = await engine.receive({ max: 2 });
      expect(a!.signal.aborted).toBe(false);
      expect(await other.engine.cancel('a')).toBe('cancelling');
      await becomes(harness, () => expect(a!.signal.aborted).toBe(true), 1_000);
      expect(a!.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
      expect(b!.signal.aborted).toBe(false);
      await a!.settle({ type: 'retry', delayMs: 0, error: 'stopped' });
      expect(await engine.stats()).toMatchObject({ cancelled: 1, leased: 1, ready: { normal: 0 } });
    });

    it('is told by the call that claimed it, whichever calls came after', async () => {
      const { engine } = await openEngine(harness);
      const held: Delivery[] = [];
      await engine.enqueue(named('a', 'b', 'c', 'd'));
      // At once, so that each has a lane of its own; and one after the other, over the same lane.
      const claimed = await Promise.all([engine.receive(), engine.receive(), engine.receive()]);
      held.push(...claimed.flat(), ...(await engine.receive()));
      expect(held).toHaveLength(4);
      for (const { id } of held) expect(await engine.cancel(id)).toBe('cancelling');
      await becomes(harness, () => expect(held.every(({ signal }) => signal.aborted)).toBe(true), 1_000);
    });

    it('is not taken for another that has its id now', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 60_000 });
      await engine.enqueue(named('a'));
      const [first] = await engine.receive();
      await first!.settle({ type: 'release' });
      const [second] = await engine.receive();
      await engine.cancel('a');
      await becomes(harness, () => expect(second!.signal.aborted).toBe(true), 1_000);
      expect(first!.signal.aborted).toBe(false);
    });

    it('is not handed back by a close once its lease has run out', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 300 });
      await engine.enqueue(named('a'));
      const [lost] = await engine.receive();
      await harness.advance(350);
      const other = await openEngine(harness, { name: engine.name });
      const [held] = await other.engine.receive({ visibilityMs: 60_000 });
      expect(await engine.close()).toMatchObject({ returned: 0, errors: [] });
      expect(lost!.signal.reason).toBeInstanceOf(LeaseLostError);
      expect(await other.engine.close()).toMatchObject({ returned: 1 });
      await expect(held!.extend(1_000)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    });

    it('is found behind a long row of expired items, also by who does not wait', async () => {
      const { engine } = await openEngine(harness);
      const doomed = Array.from({ length: 600 }, (_, index) => ({
        id: `d${index}`,
        body: '',
        expiresInMs: 100,
      }));
      await engine.enqueue([...doomed, { id: 'plain', body: '' }]);
      await harness.advance(150);
      expect(await engine.receive()).toMatchObject([{ id: 'plain' }]);
      expect(await engine.receive()).toEqual([]);
    });

    it('is told of its end in time after it was extended, to a shorter time too', async () => {
      const { engine } = await openEngine(harness, { visibilityMs: 60_000 });
      await engine.enqueue(named('a'));
      const [lease] = await engine.receive();
      let toldAfterMs: number | undefined;
      await lease!.extend(400);
      const since = harness.clock.monotonic();
      lease!.signal.addEventListener('abort', () => (toldAfterMs = harness.clock.monotonic() - since));
      await harness.advance(500);
      // A busy machine may be late; unless it was told of the extension it would hear after a minute.
      expect(toldAfterMs).toBeLessThanOrEqual(harness.real ? 5_000 : 450);
      expect(await engine.close()).toMatchObject({ returned: 0 });
    });
  });
}
