import type { BehaviourHarness } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { NewItem } from '../../src/item.ts';
import { resolveOptions } from '../../src/options.ts';
import { Store } from '../../src/store.ts';
import { becomes, collect, openEngine } from './open-engine.ts';

const complete = { type: 'complete' } as const;

function doomed(count: number): NewItem[] {
  return Array.from({ length: count }, (_, index) => ({ id: `doomed${index}`, body: '', expiresInMs: 100 }));
}

export function expiryBehaviour(harness: BehaviourHarness): void {
  /** More than a turn may look at, and on a real Redis more than Lua can unpack. The mock takes a minute for as many. */
  const backlog = harness.real ? 20_000 : 2_500;

  describe('expiry', () => {
    it('takes a backlog of expired items away, and nothing else', { timeout: 120_000 }, async () => {
      const { engine, errors } = await openEngine(harness);
      await engine.enqueue(doomed(backlog));
      await engine.enqueue([{ id: 'plain', body: '' }]);
      await harness.advance(150);
      const handled: string[] = [];
      const consumer = engine.consume({
        concurrency: 500,
        handle: ({ id }) => {
          handled.push(id);
          return Promise.resolve(complete);
        },
      });
      consumer.start();
      await becomes(harness, () => expect(handled).toEqual(['plain']), 60_000);
      await engine.enqueue([{ id: 'later', body: '' }]);
      await becomes(harness, () => expect(handled).toEqual(['plain', 'later']));
      await becomes(harness, async () =>
        expect(await engine.stats()).toMatchObject({
          ready: { normal: 0 },
          leased: 0,
          expired: backlog,
          completed: 2,
        }),
      );
      expect(errors).toEqual([]);
    });

    it('takes no more than a slice away in one turn', async () => {
      const { engine, redis } = await openEngine(harness);
      const store = new Store(resolveOptions({ redis, kind: 'queue', name: engine.name }), 0);
      await engine.enqueue(doomed(2_000));
      await engine.enqueue([{ id: 'plain', body: '' }]);
      await harness.advance(150);
      const turn = {
        caller: { id: 'w', seq: 1, acked: 0 },
        want: 1,
        waiter: '',
        armed: false,
        woken: false,
        settlementArgs: [],
      };
      expect(await store.turn(turn)).toMatchObject({ claims: [], more: true });
      const { expired, ready } = await engine.stats();
      expect(expired).toBeGreaterThan(0);
      expect(expired).toBeLessThan(600);
      expect(ready.normal).toBe(2_001 - expired);
      await becomes(harness, async () => expect(await engine.receive()).toMatchObject([{ id: 'plain' }]));
      expect(await engine.stats()).toMatchObject({ expired: 2_000, ready: { normal: 0 }, leased: 1 });
    });

    it('takes all away that was stored of an item which failed before', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue([{ id: 'a', body: '', expiresInMs: 200 }]);
      const [lease] = await engine.receive();
      await lease!.save('progress', 'half');
      await lease!.settle({ type: 'retry', delayMs: 0, error: 'x' });
      await harness.advance(250);
      expect(await engine.receive()).toEqual([]);
      expect(await engine.get('a')).toBeUndefined();
      await engine.enqueue([{ id: 'a', body: 'again' }]);
      expect(await engine.get('a')).toMatchObject({ attempts: 0, history: [], progress: undefined });
    });

    it('ends with a redrive: the item starts anew', async () => {
      const { engine } = await openEngine(harness);
      await engine.enqueue([{ id: 'a', body: 'e1, v2, a', expiresInMs: 200, visibilityMs: 60_000 }]);
      await engine.enqueue([{ id: 'b', body: 'body', expiresInMs: 200, priority: 'low' }]);
      for (const lease of await engine.receive({ max: 2 })) await lease.settle({ type: 'dead', reason: 'x' });
      await harness.advance(250);
      expect(await engine.deadLetters.redrive(['a', 'b'])).toEqual(['a', 'b']);
      expect((await collect(engine.list({ state: 'ready' }))).map(({ expiresAt }) => expiresAt)).toEqual([
        undefined,
        undefined,
      ]);
      expect(await engine.receive({ max: 2 })).toMatchObject([
        { id: 'a', body: 'e1, v2, a', visibilityMs: 60_000, deliveries: 1 },
        { id: 'b', body: 'body', priority: 'low', visibilityMs: 30_000 },
      ]);
      expect(await engine.stats()).toMatchObject({ expired: 0, leased: 2 });
    });
  });
}
