import { isLockstepError } from '@lockstep/core';
import { createLocks, type AcquireOptions, type LocksOptions } from '@lockstep/lock';
import { createRedis } from '@lockstep/redis';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { rejectionOf } from './behaviour/setup.ts';
import { areUsual, judge, resolveLocksOptions, type AcquireForm } from '../src/options.ts';

const redis = createRedis('memory://lock-options');
const locks = createLocks({ redis });
afterAll(() => redis.close());

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('options of createLocks', () => {
  const other = createRedis('memory://lock-options-2');
  afterAll(() => other.close());

  it.each<[string, unknown, string]>([
    ['no connection', {}, 'options.redis'],
    ['something that is no connection', { redis: {} }, 'options.redis'],
    ['an empty list of connections', { redis: [] }, 'options.redis'],
    ['a connection twice', { redis: [redis, redis] }, 'options.redis'],
    ['a prefix with braces', { redis, prefix: 'a{b}' }, 'options.prefix'],
    ['a prefix with control characters', { redis, prefix: 'a\n' }, 'options.prefix'],
    ['a prefix that is no string', { redis, prefix: 7 }, 'options.prefix'],
    ['a long prefix', { redis, prefix: 'x'.repeat(300) }, 'options.prefix'],
    ['another fence', { redis, fence: 'none' }, 'options.fence'],
    ['a logger without methods', { redis, logger: {} }, 'options.logger'],
    ['an onError that is no function', { redis, onError: 'log' }, 'options.onError'],
    ['no payload at all', { redis, maxPayloadBytes: 0 }, 'options.maxPayloadBytes'],
    ['a codec without methods', { redis, codec: {} }, 'options.codec'],
    ['an unknown option', { redis, ttl: 5 }, 'options.ttl'],
  ])('%s is refused', (_, options, path) => {
    const error = thrownBy(() => createLocks(options as LocksOptions));
    expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe(path);
  });

  it('one connection in a list is one connection', () => {
    expect(resolveLocksOptions({ redis: [redis] }).connections).toEqual([redis]);
    expect(resolveLocksOptions({ redis: [redis, other] }).connections).toEqual([redis, other]);
  });

  it('the codec and the size limit are those of the connection unless others are given', async () => {
    const codec = { name: 'test', encode: () => '"coded"', decode: () => 'decoded' };
    await using coded = createLocks({ redis, codec, prefix: 'coded:', maxPayloadBytes: 10 });
    await using lock = await coded.acquire('a', { metadata: { any: 'thing' } });
    expect(await coded.inspect('a')).toMatchObject({ owner: lock.owner, metadata: 'decoded' });
    await using small = createLocks({ redis, prefix: 'small:', maxPayloadBytes: 10 });
    const error = await rejectionOf(small.acquire('a', { metadata: 'longer than ten bytes' }));
    expect(isLockstepError(error, 'PAYLOAD_TOO_LARGE') && error.maxBytes).toBe(10);
  });

  it('background failures reach onError, or the logger given', async () => {
    const told: unknown[] = [];
    const failing = createRedis('memory://lock-on-error');
    const { memoryFaults } = await import('@lockstep/redis/memory');
    const onError = (error: unknown): void => void told.push(error);
    const watched = createLocks({ redis: failing, onError });
    const lock = await watched.acquire('a');
    memoryFaults(failing).failNext(new Error('OOM command not allowed'));
    await lock[Symbol.asyncDispose]();
    expect(told).toHaveLength(1);
    const logged: string[] = [];
    const nothing = (): void => {};
    const logger = {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (_: object, text: string) => logged.push(text),
    };
    const logging = createLocks({ redis: failing, logger: logger as never });
    const other = await logging.acquire('b');
    memoryFaults(failing).failNext(new Error('OOM command not allowed'));
    await other[Symbol.asyncDispose]();
    expect(logged).toEqual(['locks: release failed']);
    await failing.close();
  });
});

describe('bad input', () => {
  const badNames: [string, unknown][] = [
    ['an empty name', ''],
    ['a name of more than 512 bytes', 'ä'.repeat(257)],
    ['a name with braces', 'a{b}'],
    ['a name with a line feed', 'a\nb'],
    ['a name that is no string', 7],
  ];

  it.each(badNames)('%s is refused everywhere', async (_, bad) => {
    const name = bad as string;
    const refusals = [
      rejectionOf(locks.acquire(name)),
      rejectionOf(locks.tryAcquire(name)),
      rejectionOf(locks.inspect(name)),
      rejectionOf(locks.forceRelease(name)),
    ];
    const throwing = [
      () => locks.withLock(name, {}, () => 1),
      () => locks.reentrant(name, 'owner'),
      () => locks.reentrant('name', name),
      () => locks.readWrite(name),
      () => locks.semaphore(name, { permits: 1 }),
      () => locks.election(name),
      () => locks.latch(name, 1),
      () => locks.all(['good', name]),
    ];
    for (const error of [...(await Promise.all(refusals)), ...throwing.map(thrownBy)]) {
      expect(isLockstepError(error, 'CONFIGURATION')).toBe(true);
    }
  });

  it.each<[string, AcquireOptions, string]>([
    ['a time to live under 10 ms', { ttlMs: 9 }, 'options.ttlMs'],
    ['an endless time to live', { ttlMs: Infinity }, 'options.ttlMs'],
    ['a time to live that is not a number', { ttlMs: NaN }, 'options.ttlMs'],
    ['a fraction of a millisecond', { ttlMs: 10.5 }, 'options.ttlMs'],
    ['a negative wait', { waitMs: -1 }, 'options.waitMs'],
    ['a wait that is not a number', { waitMs: NaN }, 'options.waitMs'],
    ['a longest hold under the time to live', { ttlMs: 1_000, maxHoldMs: 999 }, 'options.maxHoldMs'],
    ['a longest hold under the default time to live', { maxHoldMs: 9_999 }, 'options.maxHoldMs'],
    ['a signal that is none', { signal: {} as AbortSignal }, 'options.signal'],
    ['an autoExtend that is no boolean', { autoExtend: 1 as unknown as boolean }, 'options.autoExtend'],
    ['an unknown option', { retries: 3 } as AcquireOptions, 'options.retries'],
  ])('%s is refused', async (_, options, path) => {
    const error = await rejectionOf(locks.acquire('name', options));
    expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe(path);
  });

  it('tryAcquire takes no waitMs, and only semaphores take a count', async () => {
    const waits = await rejectionOf(locks.tryAcquire('name', { waitMs: 5 } as never));
    expect(isLockstepError(waits, 'CONFIGURATION') && waits.path).toBe('options.waitMs');
    const counts = await rejectionOf(locks.acquire('name', { count: 2 } as never));
    expect(isLockstepError(counts, 'CONFIGURATION') && counts.path).toBe('options.count');
    const none = await rejectionOf(locks.semaphore('name', { permits: 3 }).acquire({ count: 0 }));
    expect(isLockstepError(none, 'CONFIGURATION') && none.path).toBe('options.count');
  });

  it.each([0, -1, 1.5, NaN, Infinity])('%d permits are refused', (permits) => {
    const error = thrownBy(() => locks.semaphore('name', { permits }));
    expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe('options.permits');
    const later = thrownBy(() => locks.semaphore('name', { permits: 1 }).setPermits(permits));
    expect(isLockstepError(later, 'CONFIGURATION')).toBe(true);
  });

  it('a time to live for extend under 10 ms is refused', async () => {
    await using lock = await locks.acquire('extend');
    const error = await rejectionOf(lock.extend(9));
    expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe('ttlMs');
  });

  it.each<[string, unknown]>([
    ['no names', []],
    ['one name twice', ['a', 'a']],
    ['more than 100 names', Array.from({ length: 101 }, (_, index) => `n${index}`)],
    ['no list', 'a'],
  ])('acquireAll refuses %s', (_, names) => {
    expect(
      isLockstepError(
        thrownBy(() => locks.all(names as string[])),
        'CONFIGURATION',
      ),
    ).toBe(true);
  });

  it('a latch count, its keepMs, an election option and a pattern are checked', async () => {
    const errors = [
      thrownBy(() => locks.latch('name', 0)),
      thrownBy(() => locks.latch('name', 1, { keepMs: 10 })),
      thrownBy(() => locks.election('name', { ttlMs: 1 })),
      thrownBy(() => locks.list({ match: 'a.**.b' })),
      thrownBy(() => locks.list({ match: 7 as never })),
      thrownBy(() => locks.list({ pattern: 'a.*' } as never)),
      thrownBy(() => locks.list('a.*' as never)),
      await rejectionOf(locks.latch('name', 1).wait({ waitMs: -1 })),
    ];
    for (const error of errors) expect(isLockstepError(error, 'CONFIGURATION')).toBe(true);
  });
});

describe('options of close', () => {
  it.each<[string, unknown, string]>([
    ['a negative drainMs', { drainMs: -1 }, 'options.drainMs'],
    ['an abortMs that is no number', { abortMs: '5' }, 'options.abortMs'],
    ['an unknown option', { drain: 5 }, 'options.drain'],
  ])('%s is refused, and nothing is closed', async (_, options, path) => {
    const open = createLocks({ redis });
    const error = await rejectionOf(open.close(options as never));
    expect(isLockstepError(error, 'CONFIGURATION') && error.path).toBe(path);
    await (await open.acquire('close')).release();
    await open.close({ drainMs: Infinity, abortMs: 0 });
  });

  it('the connection closes its locks whatever it was told', async () => {
    const own = createRedis('memory://lock-options-3');
    const open = createLocks({ redis: own });
    await open.acquire('a');
    const { parts } = await own.close({ drainMs: 0.5, abortMs: 0.5 });
    expect(parts).toEqual([expect.objectContaining({ name: 'locks', returned: 1, errors: [] })]);
  });
});

describe('the quick look at options', () => {
  const value = fc.oneof(
    fc.integer({ min: -5, max: 50_000 }),
    fc.constantFrom<unknown>(
      undefined,
      null,
      NaN,
      Infinity,
      -0,
      10.5,
      '10',
      true,
      {},
      [],
      new AbortController().signal,
    ),
  );
  const key = fc.constantFrom(
    'ttlMs',
    'waitMs',
    'signal',
    'autoExtend',
    'metadata',
    'maxHoldMs',
    'count',
    'other',
    '__proto__',
  );
  const form = fc.constantFrom<AcquireForm>('acquire', 'try', 'acquireCount', 'tryCount');

  it('never accepts what the schema refuses', () => {
    let accepted = 0;
    fc.assert(
      fc.property(form, fc.array(fc.tuple(key, value), { maxLength: 4 }), (which, entries) => {
        const options = Object.fromEntries(entries);
        if (!areUsual(which, options)) return;
        accepted += 1;
        expect(() => judge(which, options)).not.toThrow();
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
