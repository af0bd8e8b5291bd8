import { createQueue, task } from '@lockstep/task-queue';
import { drain, ManualClock } from '@lockstep/testing';
import { describe, expect, inject, it } from 'vitest';
import { anyInput } from '../src/queue-chaos/any-input.ts';
import { onEveryTopology } from '../src/on-every-topology.ts';

onEveryTopology('harness', (harness) => {
  describe('connections', () => {
    it('of one harness see the same data and are two processes', async () => {
      const [first, second] = await Promise.all([harness.connect(), harness.connect()]);
      expect(first.id).not.toBe(second.id);
      expect(first.prefix).toBe(second.prefix);
      const key = `${first.prefix}${harness.uniqueName()}`;
      await first.client.set(key, 'value');
      expect(await second.client.get(key)).toBe('value');
    });

    it('take a prefix of their own where a case asks for it', async () => {
      const redis = await harness.connect({ prefix: 'other:' });
      expect(redis.prefix).toBe('other:');
    });
  });

  it('advances the time by which keys expire', async () => {
    const redis = await harness.connect();
    const key = `${redis.prefix}${harness.uniqueName()}`;
    await redis.client.eval(`return redis.call('SET', KEYS[1], 'value', 'PX', ARGV[1])`, 1, key, 150);
    const before = harness.clock.monotonic();
    expect(await redis.client.get(key)).toBe('value');
    await harness.advance(160);
    expect(harness.clock.monotonic() - before).toBeGreaterThanOrEqual(159);
    expect(await redis.client.get(key)).toBeNull();
  });
});

onEveryTopology('drain', (harness) => {
  it('waits for retries and dead letters of a queue, and says what is left of one without a worker', async () => {
    const redis = await harness.connect();
    const tasks = {
      pay: task({ input: anyInput<object>(), maxAttempts: 2, backoff: { type: 'fixed', delayMs: 300 } }),
    };
    const queue = createQueue({ redis, name: harness.uniqueName(), tasks });
    await queue.enqueueMany([1, 2, 3].map(() => ({ name: 'pay' as const, input: {} })));
    const clock = harness.clock instanceof ManualClock ? harness.clock : undefined;
    await expect(drain(queue, { clock, timeoutMs: 50 })).rejects.toThrow('3 ready, 0 delayed, 0 leased');
    const fail = (): never => {
      throw new Error('declined');
    };
    const worker = queue.worker({ handlers: { pay: fail } });
    await worker.start();
    expect(await drain(queue, { clock })).toMatchObject({ dead: 3, failed: 6, completed: 0 });
    await worker.stop();
  });
});

describe('the shared servers', () => {
  it('are named in the report', () => {
    expect(inject('redis').line).toMatch(/^redis: /);
  });

  it('cover every topology wherever servers can be started', () => {
    const { site, urls } = inject('redis');
    const expected = site === null ? ['standalone'] : ['standalone', 'sentinel', 'cluster'];
    expect(Object.keys(urls)).toEqual(expected);
  });
});
