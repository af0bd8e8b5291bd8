import { defineScript, type Redis } from '@lockstep/redis';
import type { BehaviourHarness } from '@lockstep/testing';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { quickEnqueueLua } from '../../src/lua/quick-enqueue.ts';
import { quickTurnLua } from '../../src/lua/quick-turn.ts';
import { resolveOptions } from '../../src/options.ts';
import { enqueue } from '../../src/scripts/enqueue.ts';
import { turn, type TurnReply } from '../../src/scripts/turn.ts';
import { Store, type EnqueuedItem, type TurnRequest } from '../../src/store.ts';

/** The scripts without their quick part. */
const general = new Map<unknown, unknown>([
  [turn, defineScript({ ...turn, include: without(turn.include!, quickTurnLua, 'local removed, popped') })],
  [enqueue, defineScript({ ...enqueue, include: without(enqueue.include!, quickEnqueueLua, '') })],
]);

/** The quick part alone; what it leaves to the rest is answered with a result that no other call has. */
const fellThrough = "do return { 'OLD' } end";
const quick = new Map<unknown, unknown>([
  [turn, defineScript({ ...turn, include: upTo(turn.include!, quickTurnLua), lua: fellThrough })],
  [enqueue, defineScript({ ...enqueue, include: upTo(enqueue.include!, quickEnqueueLua), lua: fellThrough })],
]);

function without(include: readonly string[], part: string, instead: string): readonly string[] {
  expect(include).toContain(part);
  return include.map((text) => (text === part ? instead : text));
}

function upTo(include: readonly string[], part: string): readonly string[] {
  return include.slice(0, include.indexOf(part) + 1);
}

/** The connection, with other scripts in the place of some. */
function withScripts(redis: Redis, scripts: Map<unknown, unknown>): Redis {
  const run = (script: unknown, ...rest: unknown[]): unknown =>
    (redis.run as (...args: unknown[]) => unknown).call(redis, scripts.get(script) ?? script, ...rest);
  return new Proxy(redis, {
    get(target, name) {
      if (name === 'run') return run;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const caller = 'worker';
const maxDeliveries = 3;

/** One queue, driven by calls numbered as a worker and a producer would. */
class Queue {
  readonly store: Store;
  held: { readonly id: string; readonly token: string; readonly fresh: boolean }[] = [];
  #turns = 0;
  #enqueues = 0;

  constructor(redis: Redis, name: string) {
    const options = { kind: 'quick', name, visibilityMs: 60_000, lowerShare: 3, maxDeliveries };
    this.store = new Store(resolveOptions({ ...options, redis }), 0);
  }

  /** The same queue with other scripts from here on. */
  with(redis: Redis, name: string): Queue {
    const next = new Queue(redis, name);
    next.held = this.held;
    next.#turns = this.#turns;
    next.#enqueues = this.#enqueues;
    return next;
  }

  enqueue(items: readonly EnqueuedItem[]): Promise<unknown> {
    this.#enqueues += 1;
    return this.store.enqueue({ id: 'producer', seq: this.#enqueues, acked: this.#enqueues - 1 }, items);
  }

  async turn(step: Partial<Turn> = {}): Promise<TurnReply> {
    const { want = 0, settle = 0, kind = 'c', stale = false, ...flags } = step;
    const ended = this.held.splice(0, settle);
    this.#turns += 1;
    const request: TurnRequest = {
      caller: { id: caller, seq: this.#turns, acked: this.#turns - 1 },
      want,
      waiter: 'channel bell',
      armed: flags.armed ?? false,
      woken: flags.woken ?? false,
      settlementArgs: ended.flatMap(({ id, token, fresh }) =>
        settlement(kind, id, stale ? '7' : token, fresh),
      ),
    };
    const reply = await this.store.turn(request);
    this.held.push(
      ...reply.claims.map(({ id, state }) => {
        const fresh = !state.includes(' ');
        return { id, token: fresh ? state : state.split(' ')[1]!, fresh };
      }),
    );
    return reply;
  }
}

function settlement(kind: Turn['kind'], id: string, token: string, fresh: boolean): string[] {
  if (kind === 'r') return ['r', id, token, '0', '=x'];
  if (kind === 'b') return ['b', id, token, '0'];
  return kind === 'c' && fresh ? ['c', id, token] : ['C', id, token, '0', ''];
}

interface Turn {
  readonly want: number;
  readonly settle: number;
  readonly kind: 'c' | 'C' | 'r' | 'b';
  readonly stale: boolean;
  readonly armed: boolean;
  readonly woken: boolean;
}

type Step =
  | ({ readonly type: 'turn' } & Turn)
  | { readonly type: 'enqueue'; readonly items: readonly EnqueuedItem[] }
  | { readonly type: 'cancel'; readonly id: string };

const often = { weight: 9, arbitrary: fc.constant(false) };
const seldom = { weight: 1, arbitrary: fc.constant(true) };
const turns: fc.Arbitrary<Step> = fc.record({
  type: fc.constant('turn' as const),
  want: fc.integer({ min: -1, max: 25 }),
  settle: fc.integer({ min: 0, max: 25 }),
  kind: fc.constantFrom('c' as const, 'c' as const, 'c' as const, 'C' as const, 'r' as const, 'b' as const),
  stale: fc.oneof(often, seldom),
  armed: fc.oneof(often, seldom),
  woken: fc.boolean(),
});
/** Several ids may be those of one call, or of an earlier one. */
const additions: fc.Arbitrary<Step> = fc
  .record({
    from: fc.nat(60),
    count: fc.constantFrom(1, 1, 2, 12, 30),
    level: fc.constantFrom('n', 'n', 'n', 'n', 'c', 'h', 'l'),
    options: fc.constantFrom('', '', '', '', '', ' 3600000 e v', ' 0 e3600000 v', ' 0 e v30000'),
    twice: fc.oneof(often, seldom),
  })
  .map(({ from, count, level, options, twice }) => ({
    type: 'enqueue' as const,
    items: Array.from({ length: count }, (_, at) => ({
      id: `item-${from + (twice ? 0 : at)}`,
      level,
      options: at === 0 ? options : '',
      body: 'é'.repeat(at),
    })),
  }));
const cancels: fc.Arbitrary<Step> = fc.nat(60).map((n) => ({ type: 'cancel' as const, id: `item-${n}` }));
const histories = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: turns },
    { weight: 5, arbitrary: additions },
    { weight: 1, arbitrary: cancels },
  ),
  { minLength: 5, maxLength: 30, size: 'max' },
);

const dump = `
local all, n = {}, 0
for i = 1, #KEYS do
  local parts
  if i <= 1 or i > 14 then parts = redis.call('HGETALL', KEYS[i])
  elseif i <= 5 or i == 14 then parts = redis.call('LRANGE', KEYS[i], 0, -1)
  elseif i == 11 or i == 12 then parts = redis.call('HGETALL', KEYS[i])
  else parts = redis.call('ZRANGE', KEYS[i], 0, -1, 'WITHSCORES') end
  n = n + 1
  all[n] = 'key ' .. i
  for j = 1, #parts do
    n = n + 1
    all[n] = parts[j] .. ''
  end
end
return { unpack(all) }`;

/** All that is stored, per key; all but lists sorted. Moments are masked and tokens ranked: queues differ in them. */
async function contentOf(redis: Redis, { partition }: Store): Promise<string[][]> {
  const keys = [...Object.values<string>({ ...partition.keys }), ...partition.items];
  const flat = (await redis.client.eval(dump, keys.length, ...keys)) as string[];
  const tokens = [...new Set(flat.join(' ').match(/\d{16,}/g) ?? [])].sort();
  const content: string[][] = [];
  for (const text of flat) {
    const masked = text
      .replace(/\d{16,}/g, (token) => `token ${tokens.indexOf(token)}`)
      .replace(/(?<!\d)1?1\d{12}(?!\d)/g, 'moment');
    if (/^key \d+$/.test(text)) content.push([]);
    else content.at(-1)!.push(masked);
  }
  const isList = (at: number): boolean => (at > 0 && at < 5) || at === 13;
  return content.map((parts, at) => (isList(at) ? parts : sortedPairs(parts)));
}

function sortedPairs(parts: readonly string[]): string[] {
  return parts.flatMap((field, at) => (at % 2 === 0 ? [`${field} = ${parts[at + 1]}`] : [])).sort();
}

function comparable(reply: unknown): unknown {
  const { claims, dueInMs, ...rest } = reply as TurnReply;
  if (!Array.isArray(claims)) return reply;
  const items = claims.map(({ id, record, state }) => ({
    id,
    record: record.replace(/(?<!\d)1\d{12}(?!\d)/g, 'moment'),
    state: state.replace(/\d{16}/, 'token'),
  }));
  return { ...rest, items, due: dueInMs !== undefined };
}

function perform(queue: Queue, step: Step): Promise<unknown> {
  switch (step.type) {
    case 'turn':
      return queue.turn(step);
    case 'enqueue':
      return queue.enqueue(step.items);
    case 'cancel':
      return queue.store.cancel({ id: step.id, seq: 1, acked: 0 }, step.id).catch(() => 'OLD');
  }
}

function plain(...ids: string[]): EnqueuedItem[] {
  return ids.map((id) => ({ id, level: 'n', options: '', body: id }));
}

/** The straight lines for what happens most: they do what the general scripts do, and they are taken. */
export function quickBehaviour(harness: BehaviourHarness): void {
  describe('the quick scripts', () => {
    const open = async (): Promise<Redis> => {
      const redis = await harness.connect();
      onTestFinished(async () => void (await redis.close()));
      return redis;
    };

    it('leave the same data and replies as the general ones', { timeout: 120_000 }, async () => {
      const redis = await open();
      const slow = withScripts(redis, general);
      const property = fc.asyncProperty(histories, async (history) => {
        const one = new Queue(redis, harness.uniqueName());
        const other = new Queue(slow, harness.uniqueName());
        for (const step of history) {
          expect(comparable(await perform(one, step))).toEqual(comparable(await perform(other, step)));
        }
        expect(await contentOf(redis, one.store)).toEqual(await contentOf(redis, other.store));
      });
      await fc.assert(property, { numRuns: harness.real ? 60 : 25, endOnFailure: true });
    });

    /** A queue whose callers are known, and the same one with nothing but the quick scripts. */
    async function prepared(): Promise<{ queue: Queue; only: () => Queue }> {
      const redis = await open();
      const name = harness.uniqueName();
      const queue = new Queue(redis, name);
      await queue.enqueue(plain('a', 'b', 'c'));
      await queue.turn({ want: 1 });
      return { queue, only: () => queue.with(withScripts(redis, quick), name) };
    }

    it('serve completions and claims, one or many, and an empty queue', async () => {
      const { only } = await prepared();
      const queue = only();
      await queue.turn({ want: 1, settle: 1 });
      await queue.enqueue(plain('d'));
      await queue.enqueue(plain('e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'));
      const { accepted, claims } = await queue.turn({ want: 9, settle: 1 });
      expect(accepted).toEqual([true]);
      expect(claims.map(({ id }) => id)).toEqual(['c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k']);
      await queue.turn({ want: -1, settle: 8 });
      expect((await queue.turn({ want: 5, settle: 1, woken: true })).claims.map(({ id }) => id)).toEqual([
        'l',
      ]);
      await queue.turn({ want: 1, settle: 1 });
      const { completed, normal, leased } = await queue.store.stats();
      expect({ completed, normal, leased }).toEqual({ completed: 12, normal: 0, leased: 0 });
    });

    it.each<[string, (queue: Queue) => Promise<unknown>, (queue: Queue) => Promise<unknown>]>([
      ['a paused queue', ({ store }) => store.setPaused(true), (queue) => queue.turn({ want: 1 })],
      ['other settlements', async () => {}, (queue) => queue.turn({ settle: 1, kind: 'r' })],
      ['a lease that is not held', async () => {}, (queue) => queue.turn({ settle: 1, stale: true })],
      [
        'work on two levels',
        (queue) => queue.enqueue([{ ...plain('x')[0]!, level: 'l' }]),
        (queue) => queue.turn({ want: 1 }),
      ],
      [
        'an item claimed before',
        (queue) => queue.turn({ settle: 1, kind: 'b' }),
        (queue) => queue.turn({ want: 1 }),
      ],
      [
        'a cancelled item',
        ({ store }) => store.cancel({ id: 'x', seq: 1, acked: 0 }, 'b'),
        (queue) => queue.turn({ want: 1 }),
      ],
      ['a waiter that may still be armed', async () => {}, (queue) => queue.turn({ want: 1, armed: true })],
      ['a bell to pass on', async () => {}, (queue) => queue.turn({ want: 1, woken: true })],
      ['an id that is taken', async () => {}, (queue) => queue.enqueue(plain('b'))],
      ['an id given twice', async () => {}, (queue) => queue.enqueue(plain('x', 'x'))],
      [
        'an item with options',
        async () => {},
        (queue) => queue.enqueue([{ ...plain('x')[0]!, options: ' 9 e v' }]),
      ],
    ])('leave %s to the general ones', async (_what, before, call) => {
      const { queue, only } = await prepared();
      await before(queue);
      await expect(call(only())).rejects.toMatchObject({ code: 'REDIS_COMMAND' });
    });
  });
}
