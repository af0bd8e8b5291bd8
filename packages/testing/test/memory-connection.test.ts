import { describe, expect, it } from 'vitest';
import { memoryConnection } from '../src/memory-connection.ts';
import { memoryHarness } from '../src/memory-harness.ts';

const setForMs = `return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`;

describe('memoryConnection', () => {
  it('expires keys when its clock is advanced, not before', async () => {
    await using connection = await memoryConnection();
    const { client } = connection.redis;
    await client.eval(setForMs, 1, 'key', 'value', 1_000);
    await connection.clock.advance(999);
    expect(await client.get('key')).toBe('value');
    await connection.clock.advance(1);
    expect(await client.get('key')).toBeNull();
  });

  it('has data of its own unless it is given a name', async () => {
    await using first = await memoryConnection();
    await using other = await memoryConnection();
    await using second = await memoryConnection({ name: first.name, clock: first.clock });
    await first.redis.client.set('key', 'value');
    expect(await other.redis.client.get('key')).toBeNull();
    expect(await second.redis.client.get('key')).toBe('value');
  });

  it('passes the options of a connection on', async () => {
    await using connection = await memoryConnection({ prefix: 'mine:' });
    expect(connection.redis.prefix).toBe('mine:');
  });
});

describe('memoryHarness', () => {
  it('gives connections that act as processes on one Redis', async () => {
    await using harness = memoryHarness();
    const first = await harness.connect();
    const second = await harness.connect();
    expect(first.id).not.toBe(second.id);
    expect(first.prefix).toBe(second.prefix);
    await first.client.eval(setForMs, 1, 'key', 'value', 50);
    expect(await second.client.get('key')).toBe('value');
    await harness.advance(50);
    expect(await second.client.get('key')).toBeNull();
  });

  it('hands out a new name each time', () => {
    const harness = memoryHarness();
    expect(harness.uniqueName()).not.toBe(harness.uniqueName());
  });

  it('closes the connections it made', async () => {
    const harness = memoryHarness();
    const redis = await harness.connect();
    await harness[Symbol.asyncDispose]();
    await expect(redis.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
