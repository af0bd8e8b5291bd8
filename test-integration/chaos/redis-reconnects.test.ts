import type { Logger } from '@lockstep/core';
import { connect, type Redis } from '@lockstep/redis';
import { eventually } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import { startStandalone } from '../src/servers/standalone.ts';
import { increment } from '../suites/redis-scripts.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

describe('a connection', () => {
  it('stays flat over 1,000 reconnects: sockets, listeners, timers and heap', async () => {
    await using server = await startStandalone();
    await using redis = await connect(server.url, { commandTimeoutMs: 5_000, logger: silent });
    const space = redis.keyspace('fault', 'x');
    await redis.subscribe(space.channel('news'), () => {}).ready;
    const cycle = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) {
        const up = new Promise<void>((resolve) => {
          const remove = redis.on('up', () => (remove(), resolve()));
        });
        await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        if (n % 2 === 0) await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await up;
      }
      await redis.run(increment, { counter: space.key('counter') }, {});
    };
    await cycle(100);
    const before = footprint(redis);
    await cycle(1_000);
    await eventually(() => {
      const after = footprint(redis);
      expect(after.sockets).toBeLessThanOrEqual(before.sockets + 1);
      expect(after.timers).toBeLessThanOrEqual(before.timers + 2);
      expect(after.listeners).toBe(before.listeners);
      expect(after.heapMiB - before.heapMiB).toBeLessThan(12);
    });
  });
});

function footprint(redis: Redis) {
  globalThis.gc?.();
  const resources = process.getActiveResourcesInfo();
  const emitter = redis.client as unknown as { eventNames(): string[]; listenerCount(event: string): number };
  return {
    sockets: resources.filter((name) => name === 'TCPSocketWrap').length,
    timers: resources.filter((name) => name === 'Timeout').length,
    listeners: emitter.eventNames().reduce((sum, event) => sum + emitter.listenerCount(event), 0),
    heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
  };
}
