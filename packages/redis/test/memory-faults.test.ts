import { isLockstepError, type LockstepError } from '@lockstep/core';
import { connect, createRedis, defineScript } from '@lockstep/redis';
import { callsOf, memoryFaults } from '@lockstep/redis/memory';
import { eventually, ManualClock, memoryConnection } from '@lockstep/testing';
import Mock from 'ioredis-mock';
import { describe, expect, it } from 'vitest';

/** Counts once per operation id, so that it may be sent twice. */
const countOnce = defineScript({
  name: 'test.count-once',
  keys: ['counter', 'seen'],
  args: ['id'],
  lua: /* lua */ `
if redis.call('HEXISTS', seen, id) == 0 then
  redis.call('INCR', counter)
  redis.call('HSET', seen, id, '1')
end
return tonumber(redis.call('GET', counter))`,
  parse: Number,
  idempotent: true,
});

const increment = defineScript({
  name: 'test.increment',
  keys: ['counter'],
  args: [],
  lua: /* lua */ `return redis.call('INCR', counter)`,
  parse: Number,
  idempotent: false,
});

const beforeDeadline = defineScript({
  name: 'test.before-deadline',
  keys: ['counter'],
  args: [],
  lua: /* lua */ `return redis.call('INCR', counter)`,
  parse: Number,
  idempotent: true,
  expires: true,
});

const keys = { counter: 'counter', seen: 'seen' };
const failure = async (call: Promise<unknown>): Promise<LockstepError> => {
  const caught: unknown = await call.then(
    (value) => new Error(`resolved with ${String(value)}`),
    (error: unknown) => error,
  );
  if (isLockstepError(caught)) return caught;
  throw caught;
};

describe('a call whose reply is lost', () => {
  it('is sent again when that cannot execute it twice', async () => {
    await using memory = await memoryConnection();
    const { redis, clock } = memory;
    memoryFaults(redis).loseReply({ match: callsOf(countOnce) });
    const call = redis.run(countOnce, keys, { id: 'a' });
    await clock.advance(100);
    expect(await call).toBe(1);
    expect(await redis.run(countOnce, keys, { id: 'b' })).toBe(2);
  });

  it('is not sent again when it could, and says that its outcome is unknown', async () => {
    await using memory = await memoryConnection();
    memoryFaults(memory.redis).loseReply({ match: callsOf(increment) });
    const error = await failure(memory.redis.run(increment, keys, {}));
    expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true });
    expect(await memory.redis.client.get('counter')).toBe('1');
  });
});

describe('a call that Redis refused', () => {
  it.each([
    "READONLY You can't write against a read only replica.",
    'LOADING loading',
    'TRYAGAIN migrating',
    'BUSY busy',
  ])('with %s is tried again until it is served, whether or not it may run twice', async (refusal) => {
    await using memory = await memoryConnection();
    memoryFaults(memory.redis).failNext(new Error(refusal), { times: 3 });
    const call = memory.redis.run(increment, keys, {});
    await memory.clock.advance(500);
    expect(await call).toBe(1);
  });

  it('to its deadline fails with what was refused last', async () => {
    await using memory = await memoryConnection({ commandTimeoutMs: 1_500 });
    memoryFaults(memory.redis).failNext(new Error('READONLY replica'), { times: 1_000 });
    const call = failure(memory.redis.run(increment, keys, {}));
    await memory.clock.advance(1_600);
    expect(await call).toMatchObject({
      code: 'REDIS_UNAVAILABLE',
      reason: 'readonly',
      outcomeUnknown: false,
    });
  });

  it('for good is not tried again', async () => {
    await using memory = await memoryConnection();
    memoryFaults(memory.redis).failNext(
      new Error("NOPERM this user has no permissions to run the 'evalsha' command"),
    );
    expect(await failure(memory.redis.run(increment, keys, {}))).toMatchObject({
      code: 'REDIS_ACCESS',
      remedy: '+evalsha',
    });
  });
});

describe('while the connection is down', () => {
  it('a call waits, and is served when it comes back', async () => {
    await using memory = await memoryConnection();
    const faults = memoryFaults(memory.redis);
    faults.disconnect();
    const call = memory.redis.run(increment, keys, {});
    await memory.clock.advance(1_000);
    faults.reconnect();
    expect(await call).toBe(1);
  });

  it('a call fails at its deadline, was not executed and is not executed later', async () => {
    await using memory = await memoryConnection();
    const faults = memoryFaults(memory.redis);
    faults.disconnect();
    const call = failure(memory.redis.run(increment, keys, {}, { timeoutMs: 300 }));
    await memory.clock.advance(300);
    expect(await call).toMatchObject({ reason: 'connection', outcomeUnknown: false, retryable: true });
    faults.reconnect();
    await memory.clock.advance(5_000);
    expect(await memory.redis.client.get('counter')).toBeNull();
  });

  it('an abort ends the wait at once and leaves no timer', async () => {
    await using memory = await memoryConnection();
    const timers = memory.clock.pendingTimers;
    memoryFaults(memory.redis).disconnect();
    const controller = new AbortController();
    const call = memory.redis.run(increment, keys, {}, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    expect(memory.clock.pendingTimers).toBe(timers);
  });

  it('only so many calls may wait', async () => {
    await using memory = await memoryConnection({ maxWaitingCalls: 2 });
    const faults = memoryFaults(memory.redis);
    faults.disconnect();
    const waiting = [memory.redis.run(increment, keys, {}), memory.redis.run(increment, keys, {})];
    expect(await failure(memory.redis.run(increment, keys, {}))).toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    faults.reconnect();
    expect(await Promise.all(waiting)).toEqual([1, 2]);
  });

  it('up, down and gap are told', async () => {
    await using memory = await memoryConnection();
    const events: string[] = [];
    for (const event of ['up', 'down', 'gap', 'failover'] as const)
      memory.redis.on(event, () => events.push(event));
    await memory.redis.subscribe('news', () => {}).ready;
    const faults = memoryFaults(memory.redis);
    faults.disconnect();
    expect((await memory.redis.health()).status).toBe('down');
    faults.reconnect();
    await eventually(() => expect(events.toSorted()).toEqual(['down', 'gap', 'up']));
    expect((await memory.redis.health()).status).toBe('up');
  });

  it('messages are missed, and arrive again afterwards', async () => {
    await using memory = await memoryConnection();
    const other = await connect(`memory://${memory.name}`, { clock: memory.clock });
    const heard: string[] = [];
    await memory.redis.subscribe('news', (payload) => heard.push(payload)).ready;
    memoryFaults(memory.redis).disconnect();
    expect(await other.client.publish('news', 'missed')).toBe(0);
    memoryFaults(memory.redis).reconnect();
    await eventually(async () => expect(await other.client.publish('news', 'heard')).toBe(1));
    await eventually(() => expect(heard).toEqual(['heard']));
    await other.close();
  });
});

describe('a script that expires', () => {
  it('does not run once its caller has given up, however late it arrives', async () => {
    await using memory = await memoryConnection();
    const { redis, clock } = memory;
    const { source } = beforeDeadline.variant('memory');
    const past = (clock.now() - 1) * 1_000;
    expect(await redis.client.eval(source, 1, 'counter', past.toFixed(0), `${clock.now() * 1_000}.0`)).toBe(
      'LATE',
    );
    expect(await redis.client.get('counter')).toBeNull();
  });

  it('runs after a step of the server clock: the deadline is reckoned anew', async () => {
    await using memory = await memoryConnection();
    memory.clock.stepWall(3_600_000);
    expect(await memory.redis.run(beforeDeadline, { counter: 'counter' }, {})).toBe(1);
  });
});

describe('messages', () => {
  it.each([
    ['dropped', (f: ReturnType<typeof memoryFaults>) => f.messages.drop(), ['b', 'c']],
    ['duplicated', (f: ReturnType<typeof memoryFaults>) => f.messages.duplicate(), ['a', 'a', 'b', 'c']],
    ['reordered', (f: ReturnType<typeof memoryFaults>) => f.messages.reorder(2), ['b', 'a', 'c']],
    ['delayed', (f: ReturnType<typeof memoryFaults>) => f.messages.delay(50), ['b', 'c', 'a']],
  ])('can be %s', async (_, inject, expected) => {
    await using memory = await memoryConnection();
    const heard: string[] = [];
    await memory.redis.subscribe('news', (payload) => heard.push(payload)).ready;
    inject(memoryFaults(memory.redis));
    for (const payload of ['a', 'b', 'c']) await memory.redis.client.publish('news', payload);
    await memory.clock.advance(60);
    expect(heard).toEqual(expected);
  });
});

describe('the memory server', () => {
  it('keeps what the connections of one name share, and nothing else', async () => {
    await using one = await memoryConnection();
    await using two = await memoryConnection({ name: one.name });
    await using other = await memoryConnection();
    await one.redis.client.set('key', 'value');
    expect(await two.redis.client.get('key')).toBe('value');
    expect(await other.redis.client.get('key')).toBeNull();
  });

  it('has the time of its first connection; a later one may have a clock of its own', async () => {
    await using memory = await memoryConnection();
    const skewed = new ManualClock({ startAt: memory.clock.now() + 3_600_000 });
    await using process = await memoryConnection({ name: memory.name, clock: skewed });
    expect(await process.redis.time()).toBe(memory.clock.now());
    expect(process.redis.serverNow()).toBe(memory.clock.now());
  });

  it('removes a list, set, hash and sorted set with its last element', async () => {
    await using memory = await memoryConnection();
    const empty = defineScript({
      name: 'test.empty',
      keys: ['list', 'zset', 'hash'],
      args: [],
      lua: /* lua */ `
redis.call('RPUSH', list, 'a'); redis.call('LPOP', list)
redis.call('ZADD', zset, '1', 'a'); redis.call('ZREM', zset, 'a')
redis.call('HSET', hash, 'a', '1'); redis.call('HDEL', hash, 'a')
return 1`,
      parse: Number,
      idempotent: true,
    });
    await memory.redis.run(empty, { list: 'l', zset: 'z', hash: 'h' }, {});
    expect(await memory.redis.client.keys('*')).toEqual([]);
  });

  it('is also made of an ioredis-mock client that is handed in, over its data', async () => {
    const client = new Mock({ host: 'handed-in', port: 7 });
    const redis = await connect({ client });
    expect(redis.topology).toBe('memory');
    await client.set('counter', '41');
    expect(await redis.run(increment, keys, {})).toBe(42);
    await redis.close();
    expect(await client.get('counter')).toBe('42');
  });

  it('gives fault switches to memory connections only', () => {
    expect(() => memoryFaults(createRedis('redis://127.0.0.1:1'))).toThrow('must be a memory:// connection');
  });
});
