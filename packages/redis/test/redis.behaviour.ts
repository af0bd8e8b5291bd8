import { isLockstepError, type ErrorContext } from '@lockstep/core';
import { defineScript, ringLua, scriptCall, type Redis } from '@lockstep/redis';
import { eventually, type BehaviourHarness } from '@lockstep/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const bump = defineScript({
  name: 'test.bump',
  keys: ['counter'],
  args: ['by'],
  lua: /* lua */ `return redis.call('INCRBY', counter, by)`,
  parse: Number,
  idempotent: false,
});

const sumRest = defineScript({
  name: 'test.sum-rest',
  keys: ['first'],
  args: ['start'],
  lua: /* lua */ `
local sum = start * 1.0
for i = fixed_args + 1, #ARGV do sum = sum + ARGV[i] end
local found = 0
for i = fixed_keys, #KEYS do found = found + redis.call('EXISTS', KEYS[i]) end
return {int(sum), found}`,
  parse: (reply) => reply as [string, number],
  idempotent: true,
});

const printWhole = defineScript({
  name: 'test.print-whole',
  keys: ['key'],
  args: ['n'],
  lua: /* lua */ `return int(n * 1.0)`,
  parse: (reply) => reply as string,
  idempotent: true,
});

const readTime = defineScript({
  name: 'test.time',
  keys: ['any'],
  args: [],
  lua: /* lua */ `return {int(now), int(now_us)}`,
  parse: (reply) => (reply as string[]).map(Number) as [ms: number, us: number],
  idempotent: true,
});

const markTime = defineScript({
  name: 'test.mark-time',
  keys: ['mark'],
  args: ['value'],
  lua: /* lua */ `
redis.call('SET', mark, value, 'PX', '200')
return redis.call('PTTL', mark)`,
  parse: Number,
  idempotent: true,
});

const wrongType = defineScript({
  name: 'test.wrong-type',
  keys: ['list'],
  args: [],
  lua: /* lua */ `
redis.call('DEL', list)
redis.call('RPUSH', list, 'x')
if redis.call('LLEN', list) == 1 then return redis.call('NO.SUCH.COMMAND', list) end`,
  parse: () => 'unexpected',
  idempotent: true,
});

const arm = defineScript({
  name: 'test.arm',
  keys: ['waiters'],
  args: ['waiter'],
  lua: /* lua */ `return redis.call('RPUSH', waiters, waiter)`,
  parse: Number,
  idempotent: false,
});

const ringUp = defineScript({
  name: 'test.ring',
  keys: ['waiters'],
  args: ['count'],
  include: [ringLua],
  lua: /* lua */ `return {ring(waiters, tonumber(count)), redis.call('LLEN', waiters)}`,
  parse: (reply) => reply as [rung: number, left: number],
  idempotent: false,
});

/** What every topology must do alike. */
export function redisBehaviour(harness: BehaviourHarness): void {
  let redis: Redis;
  let other: Redis;
  beforeAll(async () => {
    redis = await harness.connect();
    other = await harness.connect();
  });
  afterAll(() => Promise.all([redis?.close(), other?.close()]));
  const space = (on = redis) => on.keyspace('test', harness.uniqueName());

  describe('redis', () => {
    it('runs a script whose keys and arguments go by name', async () => {
      const counter = space().key('counter');
      expect(await redis.run(bump, { counter }, { by: 2 })).toBe(2);
      expect(await other.run(bump, { counter }, { by: 5 })).toBe(7);
    });

    it('hands a script the keys and arguments beyond the named ones', async () => {
      const keys = space();
      await redis.run(bump, { counter: keys.key('a') }, { by: 1 });
      const rest = { restKeys: [keys.key('b'), keys.key('a')], restArgs: [10, '20.5', 2 ** 40] };
      expect(await redis.run(sumRest, { first: keys.key('a') }, { start: 1.5 }, rest)).toEqual([
        '1099511627808',
        2,
      ]);
    });

    it('prints whole numbers alike up to 2^53', async () => {
      const numbers = [0, 7, -1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 1_790_000_000_000_000, 2 ** 53 - 1];
      const any = space().key('any');
      const printed = await Promise.all(numbers.map((n) => redis.run(printWhole, { key: any }, { n })));
      expect(printed).toEqual(numbers.map(String));
    });

    it('gives scripts the time of the server, in milliseconds and microseconds', async () => {
      const any = space().key('any');
      const [ms, us] = await redis.run(readTime, { any }, {});
      expect(Math.floor(us / 1_000)).toBe(ms);
      await harness.advance(30);
      const [later] = await redis.run(readTime, { any }, {});
      expect(later - ms).toBeGreaterThanOrEqual(30);
      expect(Math.abs((await redis.time()) - later)).toBeLessThan(1_000);
      expect(Math.abs(redis.serverNow() - later)).toBeLessThan(1_000);
    });

    it('expires keys by the time of the server', async () => {
      const mark = space().key('mark');
      const ttl = await redis.run(markTime, { mark }, { value: 'x' });
      expect(ttl).toBeGreaterThan(150);
      expect(ttl).toBeLessThanOrEqual(200);
      await harness.advance(250);
      expect(await redis.client.get(mark)).toBeNull();
    });

    it('settles each call of a batch by itself', async () => {
      const keys = space();
      const counter = keys.key('counter');
      const outcomes = await redis.runAll([
        scriptCall(bump, { counter }, { by: 1 }),
        scriptCall(wrongType, { list: keys.key('list') }, {}),
        scriptCall(bump, { counter }, { by: 10 }),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(outcomes[2]).toMatchObject({ value: 11 });
    });

    it('turns what a script runs into into a typed error that names the script', async () => {
      const failed = redis.run(wrongType, { list: space().key('list') }, {});
      const error: unknown = await failed.catch((caught: unknown) => caught);
      expect(isLockstepError(error, 'REDIS_COMMAND')).toBe(true);
      expect(String(error)).toContain('test.wrong-type');
    });

    it('rejects with the reason of a signal that has aborted, and runs nothing', async () => {
      const counter = space().key('counter');
      const reason = new Error('enough');
      const call = redis.run(bump, { counter }, { by: 1 }, { signal: AbortSignal.abort(reason) });
      await expect(call).rejects.toBe(reason);
      expect(await redis.client.get(counter)).toBeNull();
    });

    it('delivers a message once to every handler of its channel, in every process', async () => {
      const channel = space().channel('news');
      const heard: string[] = [];
      const subscriptions = [
        redis.subscribe(channel, (payload) => heard.push(`a ${payload}`)),
        redis.subscribe(channel, (payload) => heard.push(`b ${payload}`)),
        other.subscribe(channel, (payload, from) => heard.push(`c ${payload} ${String(from === channel)}`)),
      ];
      await Promise.all(subscriptions.map(({ ready }) => ready));
      await redis.client.publish(channel, 'x y');
      await eventually(() => expect(heard.toSorted()).toEqual(['a x y', 'b x y', 'c x y true']));
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    });

    it('gives a channel up with its last handler, and not before', async () => {
      const channel = space().channel('news');
      const heard: string[] = [];
      const first = redis.subscribe(channel, (payload) => heard.push(payload));
      const second = redis.subscribe(channel, (payload) => heard.push(payload));
      await second.ready;
      await first.close();
      await other.client.publish(channel, 'one');
      await eventually(() => expect(heard).toEqual(['one']));
      await second.close();
      const again = redis.subscribe(channel, (payload) => heard.push(payload));
      await again.ready;
      await other.client.publish(channel, 'two');
      await eventually(() => expect(heard).toEqual(['one', 'two']));
      await again.close();
    });

    it('keeps the other handlers of a channel going when one throws, and tells onError', async () => {
      const failures: [unknown, ErrorContext][] = [];
      const own = await harness.connect({ onError: (error, context) => failures.push([error, context]) });
      const channel = space().channel('news');
      const heard: string[] = [];
      const thrown = new Error('handler');
      own.subscribe(channel, () => {
        throw thrown;
      });
      await own.subscribe(channel, (payload) => heard.push(payload)).ready;
      await redis.client.publish(channel, 'x');
      await eventually(() => expect(heard).toEqual(['x']));
      expect(failures).toEqual([[thrown, { source: 'redis', operation: `handler of ${channel}` }]]);
      await own.close();
    });

    it('rings as many sleeping waiters as there is work for, in order', async () => {
      const waiters = space().key('waiters');
      const rung: string[] = [];
      const removers = ['one', 'two', 'three'].map((bell) => redis.doorbell.on(bell, () => rung.push(bell)));
      await redis.doorbell.ready;
      for (const bell of ['one', 'two', 'three']) {
        await redis.run(arm, { waiters }, { waiter: `${redis.doorbell.channel} ${bell}` });
      }
      expect((await other.run(ringUp, { waiters }, { count: 2 }))[1]).toBeLessThanOrEqual(1);
      await eventually(() => expect(rung.slice(0, 2)).toEqual(['one', 'two']));
      for (const remove of removers) remove();
    });

    it('shares nothing between two prefixes on one Redis', async () => {
      const production = await harness.connect({ prefix: `${harness.uniqueName()}:` });
      const name = harness.uniqueName();
      const ours = space(redis);
      const heard: string[] = [];
      const mine = redis.keyspace('test', name);
      const theirs = production.keyspace('test', name);
      const subscription = redis.subscribe(mine.channel('news'), (payload) => heard.push(payload));
      await subscription.ready;
      await production.run(bump, { counter: theirs.key('counter') }, { by: 1 });
      await production.client.publish(theirs.channel('news'), 'not for us');
      await production.client.publish(mine.channel('news'), 'marker');
      await eventually(() => expect(heard).toEqual(['marker']));
      expect(await redis.client.get(mine.key('counter'))).toBeNull();
      expect(production.doorbell.channel.startsWith(production.prefix)).toBe(true);
      expect(ours.tag).not.toBe(theirs.tag);
      await subscription.close();
      await production.close();
    });

    it('closes what was created on it in order, once, and then refuses work', async () => {
      const own = await harness.connect();
      const closed: string[] = [];
      const part = (name: string, phase: 'intake' | 'ownership' | 'state') =>
        own.register({
          name,
          phase,
          close: async () => {
            await own.run(bump, { counter: space(own).key('last-words') }, { by: 1 });
            closed.push(name);
            return { name, finished: 1, returned: 0, aborted: 0, errors: [] };
          },
        });
      part('map', 'state');
      part('lock', 'ownership');
      part('worker', 'intake');
      const removed = part('left earlier', 'intake');
      removed();
      const report = await own.close();
      expect(await own.close()).toBe(report);
      expect(closed).toEqual(['worker', 'lock', 'map']);
      expect(report.parts.map(({ name, finished }) => [name, finished])).toEqual([
        ['worker', 1],
        ['lock', 1],
        ['map', 1],
      ]);
      const refused = await own.run(bump, { counter: 'x' }, { by: 1 }).catch((error: unknown) => error);
      expect(isLockstepError(refused, 'CLOSED')).toBe(true);
      expect(() => own.subscribe('x', () => {})).toThrow('closed');
    });

    it('reports health without a complaint while all is well', async () => {
      expect((await redis.health()).status).not.toBe('down');
    });
  });
}
