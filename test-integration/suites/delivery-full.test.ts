import { createEngine, type Engine, type Settlement } from '@lockstep/delivery/internal';
import { connect, type Redis } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import '../src/topologies.ts';
import { startStandalone, type StandaloneServer } from '../src/servers/standalone.ts';
import { silent } from './redis-load.ts';

const visibilityMs = 600;

describe.runIf(inject('redis').site !== null)('delivery on a full Redis', () => {
  let server: StandaloneServer;
  let redis: Redis;
  let engine: Engine;
  const errors: unknown[] = [];

  beforeAll(async () => {
    server = await startStandalone();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    errors.length = 0;
    redis = await connect(server.url, { logger: silent, prefix: `t-${crypto.randomUUID()}:` });
    const onError = (error: unknown): void => void errors.push(error);
    engine = createEngine({ redis, kind: 'queue', name: 'full', visibilityMs, onError });
  });
  afterEach(async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', 0);
    await redis.close({ drainMs: 0, abortMs: 0 });
  });

  const fill = async (): Promise<void> => {
    await server.command('CONFIG', 'SET', 'maxmemory', 1);
    await expect(engine.enqueue([{ id: 'refused', body: '' }])).rejects.toMatchObject({ code: 'REDIS_FULL' });
  };

  it('renews the lease of a handler that outlasts it', async () => {
    await engine.enqueue([{ id: 'a', body: '' }]);
    const handled: string[] = [];
    let finish: (settlement: Settlement) => void = () => {};
    const consumer = engine.consume({
      handle: ({ id }) => {
        handled.push(id);
        return new Promise((resolve) => (finish = resolve));
      },
    });
    consumer.start();
    await eventually(() => expect(handled).toEqual(['a']));
    await fill();
    const since = performance.now();
    await eventually(() => expect(performance.now() - since).toBeGreaterThan(3 * visibilityMs));
    expect(await engine.get('a')).toMatchObject({ state: 'leased', deliveries: 1 });
    finish({ type: 'complete' });
    await eventually(async () => expect((await engine.stats()).completed).toBe(1));
    expect(handled).toEqual(['a']);
    expect(errors).toEqual([]);
  });

  it('keeps what the holder of a lease notes, and extends it', async () => {
    await engine.enqueue([{ id: 'a', body: '' }]);
    const [lease] = await engine.receive();
    await fill();
    await lease!.extend(60_000);
    await lease!.save('checkpoint', 'half');
    expect(await lease!.load('checkpoint')).toBe('half');
  });

  it('pauses, resumes, and lets somebody wait for an outcome', async () => {
    await engine.enqueue([{ id: 'a', body: '' }]);
    await fill();
    await engine.pause();
    expect(await engine.receive()).toEqual([]);
    await engine.resume();
    const [lease] = await engine.receive();
    const waiting = engine.outcome('a', { waitMs: 10_000 });
    await eventually(() => lease!.settle({ type: 'complete', result: 'done', keepMs: 1_000 }));
    expect(await waiting).toMatchObject({ status: 'completed', result: 'done' });
  });
});
