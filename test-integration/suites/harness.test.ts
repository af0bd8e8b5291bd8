import { describe, expect, inject, it } from 'vitest';
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
