import { describe, expect, it } from 'vitest';
import { capabilitiesOf } from '../src/capabilities.ts';
import { compareVersions } from '../src/server-info.ts';
import { ServerIdentity } from '../src/server-identity.ts';
import type { ServerFacts } from '../src/driver.ts';

const facts = (kind: ServerFacts['kind'], version: string): ServerFacts => ({ kind, version, histories: [] });

describe('capabilities', () => {
  it.each([
    ['redis', '6.2.14', []],
    ['redis', '7.0.15', ['shardedPubSub', 'allowOom']],
    ['redis', '7.2.0', ['shardedPubSub', 'waitAof', 'allowOom']],
    ['redis', '8.4.0', ['shardedPubSub', 'waitAof', 'ifeq', 'delex', 'allowOom']],
    ['valkey', '7.2.5', ['shardedPubSub', 'waitAof', 'allowOom']],
    ['valkey', '8.1.0', ['shardedPubSub', 'waitAof', 'ifeq', 'allowOom']],
    ['valkey', '9.2.0', ['shardedPubSub', 'waitAof', 'ifeq', 'delex', 'allowOom']],
  ] as const)('of %s %s are %j beyond WAIT', (kind, version, expected) => {
    const { kind: _, version: __, wait, ...features } = capabilitiesOf(facts(kind, version), 'single');
    expect(wait).toBe(true);
    expect(Object.entries(features).flatMap(([name, has]) => (has ? [name] : []))).toEqual(expected);
  });

  it('of memory, and of a server that is not known yet, are the least', () => {
    expect(capabilitiesOf(facts('memory', '7.0.0'), 'memory')).toMatchObject({
      wait: false,
      shardedPubSub: false,
    });
    expect(capabilitiesOf(undefined, 'cluster')).toMatchObject({
      kind: 'redis',
      version: '0.0.0',
      allowOom: false,
    });
    expect(capabilitiesOf(undefined, 'memory').kind).toBe('memory');
  });

  it('compare versions as numbers', () => {
    expect(compareVersions('7.0.9', '7.0.15')).toBeLessThan(0);
    expect(compareVersions('7.0', '7.0.0')).toBe(0);
    expect(compareVersions('10.0.0', '9.9.9')).toBeGreaterThan(0);
  });
});

describe('the identity of the servers', () => {
  const setUp = () => {
    const world = { histories: ['a', 'b'], fails: false };
    const identity = new ServerIdentity('cluster', () =>
      world.fails
        ? Promise.reject(new Error('gone'))
        : Promise.resolve({ kind: 'redis', version: '7.0.0', histories: world.histories }),
    );
    return { identity, world };
  };

  it('changes with a server that was never met, not with one that is missing or comes back', async () => {
    const { identity, world } = setUp();
    expect(await identity.learn()).toBe(false);
    world.histories = ['b'];
    expect(await identity.learn()).toBe(false);
    world.histories = ['a', 'b'];
    expect(await identity.learn()).toBe(false);
    world.histories = ['c', 'b'];
    expect(await identity.learn()).toBe(true);
    expect(await identity.learn()).toBe(false);
  });

  it('is asked once more when something changes while it is being asked', async () => {
    const { identity, world } = setUp();
    await identity.learn();
    let strangers = 0;
    const first = identity.refresh(() => strangers++);
    world.histories = ['c'];
    await identity.refresh(() => strangers++);
    await first;
    expect(strangers).toBe(1);
    world.fails = true;
    await identity.refresh(() => strangers++);
    expect(strangers).toBe(1);
  });
});
