import type { Redis } from '@lockstep/redis';
import type { BehaviourHarness } from '@lockstep/testing';
import { expect } from 'vitest';
import type { Priority, Settlement } from '../../src/item.ts';
import type { Lane } from '../../src/lanes.ts';
import { resolveOptions } from '../../src/options.ts';
import { parseRecord } from '../../src/record.ts';
import type { SweepReply } from '../../src/scripts/sweep.ts';
import type { TurnReply } from '../../src/scripts/turn.ts';
import { Store, type TurnRequest } from '../../src/store.ts';
import { sumStats } from '../../src/sum-stats.ts';
import { later, type Moment } from './moment.ts';
import { Observer, type Observed } from './observer.ts';
import { idCount, longestSteps, type Fate, type ItemOptions, type Operation } from './operations.ts';
import { Reference, type ReferenceItem } from './reference.ts';
import { briefly, leaseOf, settlementArgs, Worker, type Caller, type Lease } from './worker.ts';

type Of<Type extends Operation['type']> = Extract<Operation, { readonly type: Type }>;

const noteFields = { progress: '{p}', checkpoint: '{c}' } as const;
const timeoutMs = 2_000;

/** Three workers and an administrator on one partition, and the reference beside them. */
export class World {
  readonly #harness: BehaviourHarness;
  readonly #redis: Redis;
  readonly #store: Store;
  readonly #observer: Observer;
  readonly #reference: Reference;
  readonly #step: number;
  readonly #visibilityMs: number;
  readonly #workers: Worker[] = [];
  readonly #callers = ['admin'];
  readonly #stale: Lease[] = [];
  readonly #strict: boolean;
  /** What was seen last, if nothing was done since. */
  #seen: Observed | undefined;
  #born = 0;
  #admin = 0;
  #notes = 0;

  constructor(harness: BehaviourHarness, redis: Redis, step: number, lowerShare: number) {
    const maxDeliveries = 3;
    const visibilityMs = step * 10;
    // Outcomes that nobody asked for are kept in one of the variants.
    const keepOutcomesMs = lowerShare * step;
    const name = harness.uniqueName();
    const limits = { visibilityMs, maxDeliveries, lowerShare, keepOutcomesMs };
    this.#harness = harness;
    this.#redis = redis;
    this.#step = step;
    this.#visibilityMs = visibilityMs;
    this.#strict = lowerShare === 0;
    this.#store = new Store(resolveOptions({ redis, kind: 'model', name, ...limits }), 0);
    this.#observer = new Observer(redis, this.#store);
    this.#reference = new Reference(maxDeliveries, keepOutcomesMs);
    for (let index = 0; index < 3; index += 1) this.#workers.push(this.#newWorker());
  }

  async perform(operation: Operation): Promise<void> {
    switch (operation.type) {
      case 'enqueue':
        return this.#enqueue(operation);
      case 'turn':
        return this.#turn(operation);
      case 'renew':
        return this.#renew(operation);
      case 'note':
        return this.#note(operation);
      case 'crash':
        return this.#crash(operation.worker);
      case 'late-copy':
        return this.#lateCopy(
          this.#workers[operation.worker]!.callers[operation.second ? 1 : 0],
          operation.turn,
        );
      case 'advance':
        return this.#harness.advance(operation.ms);
      case 'pause':
        return this.#pause(operation);
      case 'sweep':
        return this.#sweep(operation);
      case 'await':
      case 'stop-waiting':
        return this.#await(operation);
      case 'cancel':
      case 'redrive':
      case 'drop':
        return this.#administer(operation);
    }
  }

  /** Works off what is left; nothing but the counters may remain. */
  async end(): Promise<void> {
    await this.#pause({ type: 'pause', to: false, fate: 'arrives' });
    for (const index of this.#workers.keys()) await this.#crash(index);
    const turn = { type: 'turn', worker: 0, second: false, sleepy: false, visibilityMs: undefined } as const;
    for (let round = 0; round < 2; round += 1) {
      await this.#harness.advance((longestSteps + 1) * this.#step);
      await this.#turn({ ...turn, want: 100, settlements: [], fate: 'arrives' });
      const settlement = { type: 'complete' } as const;
      const settlements = this.#workers[0]!.held.map((_, lease) => ({ lease, stale: false, settlement }));
      await this.#turn({ ...turn, want: -1, settlements, fate: 'arrives' });
    }
    for (const state of ['dead', 'kept'] as const) {
      const ids = state === 'dead' ? this.#reference.items : this.#reference.kept;
      for (const id of [...ids.keys()]) {
        await this.#administer({ type: 'drop', id: oddFor(id), state, fate: 'arrives' });
      }
    }
    expect([...this.#reference.items.keys()]).toEqual([]);
    await this.#store.leave(this.#callers, '');
    const none = {
      cancels: '0',
      awaiting: '0',
      stones: '0',
      critical: '0',
      high: '0',
      normal: '0',
      low: '0',
    };
    expect(await this.#observer.remains()).toEqual({
      keys: [this.#store.partition.keys.meta],
      numbers: none,
    });
  }

  #newWorker(): Worker {
    this.#born += 1;
    const worker = new Worker(`worker-${this.#born}`);
    this.#callers.push(...worker.callers.map(({ id }) => id));
    return worker;
  }

  async #enqueue({ ids, level, options, fate }: Of<'enqueue'>): Promise<void> {
    const runAt =
      options.runAtIn === undefined ? undefined : Math.floor(await this.#redis.time()) + options.runAtIn;
    const spec = specOf(options, runAt);
    const items = ids.map((id) => ({
      id: `i${id}`,
      level: level.charAt(0),
      options: spec,
      body: `body of ${id}`,
    }));
    const { reply, now } = await this.#numbered(fate, (lane) => this.#store.enqueue(lane, items));
    const { delayMs, expiresInMs, visibilityMs } = options;
    const due = runAt === undefined ? delayMs && later(now, delayMs) : { from: runAt, to: runAt };
    const expiresAt = expiresInMs === undefined ? undefined : later(now, expiresInMs);
    const item = { level, due: due || undefined, expiresAt, visibilityMs };
    const expected = ids.map((id, at) => this.#reference.enqueue({ id: `i${id}`, ...item }, now, reply[at]!));
    expect(reply).toEqual(expected);
    await this.#compare(now);
  }

  async #turn(operation: Of<'turn'>): Promise<void> {
    const worker = this.#workers[operation.worker]!;
    const caller = worker.callers[operation.second ? 1 : 0];
    const asked = this.#choose(worker, operation.settlements);
    const request = await this.#request(worker, caller, operation, asked);
    const { reply, now } = await this.#send(operation.fate, () => this.#store.turn(request), sameTurn);
    caller.turns.push(request);
    for (const { id, token } of caller.unknown) this.#reference.settle(id, token, { type: 'release' }, now);
    caller.unknown = [];
    const expected = asked.map(({ lease, settlement }) =>
      this.#reference.settle(lease.id, lease.token, settlement, now),
    );
    expect(reply.accepted).toEqual(expected);
    const claimed = await this.#claimed(reply, request, now);
    const settled = new Set(asked.map(({ lease }) => lease));
    if (operation.fate === 'given-up') {
      caller.unknown = claimed;
      if (request.want > 0) worker.sleeps = false;
    } else {
      caller.acked = caller.seq;
      worker.held = [...worker.held.filter((lease) => !settled.has(lease)), ...claimed];
      if (!operation.second) this.#fallAsleep(worker, request, reply, now);
    }
    if (request.waiter !== '') worker.armed = true;
    this.#assertNobodyDeaf(await this.#look());
  }

  async #request(
    worker: Worker,
    caller: Caller,
    { want, visibilityMs, sleepy, second }: Of<'turn'>,
    asked: readonly { lease: Lease; settlement: Settlement }[],
  ): Promise<TurnRequest> {
    caller.seq += 1;
    worker.started = true;
    const leavesBell = sleepy && !second;
    const { asleep } = await this.#look();
    return {
      caller: { id: caller.id, seq: caller.seq, acked: caller.acked },
      want,
      visibilityMs,
      waiter: leavesBell ? `${this.#redis.doorbell.channel} ${worker.bell}` : '',
      armed: leavesBell && worker.armed,
      // Its bell rang: it is not among those that wait any more.
      woken: worker.sleeps && !asleep.has(worker.bell),
      settlementArgs: asked.flatMap(({ lease, settlement }) => settlementArgs(lease, settlement)),
    };
  }

  #fallAsleep(worker: Worker, { want, waiter }: TurnRequest, reply: TurnReply, now: Moment): void {
    // What is overdue is looked for at once.
    worker.knownDue = reply.dueInMs === 0 ? 0 : now.from + (reply.dueInMs ?? Infinity);
    if (want > 0) worker.sleeps = waiter !== '' && reply.claims.length < want && !reply.more;
  }

  async #lateCopy({ turns }: Caller, index: number): Promise<void> {
    if (turns.length < 2) return;
    const late = this.#store.turn(turns[index % (turns.length - 1)]!);
    await expect(late).rejects.toMatchObject({ code: 'REDIS_COMMAND' });
  }

  async #claimed({ claims }: TurnReply, { want, visibilityMs: forced }: TurnRequest, now: Moment) {
    this.#seen = undefined;
    const observed = await this.#look();
    // What is claimed in this turn may have become ready in it.
    this.#reference.timeMoves(observed, now, want >= 0);
    const before = this.#reference.ready();
    const items: ReferenceItem[] = [];
    for (const { id, record, state } of claims) {
      const own = parseRecord(record).visibilityMs;
      const { token } = leaseOf({ id, record, state });
      const item = this.#reference.claim(id, token, now, forced ?? own ?? this.#visibilityMs);
      expect(own).toBe(item.visibilityMs);
      expect(record.endsWith(` body of ${id.slice(1)}`)).toBe(true);
      items.push(item);
    }
    const most = this.#reference.paused ? 0 : Math.max(want, 0);
    expect(claims).toHaveLength(Math.min(most, before.length));
    if (this.#strict) assertStrict(items, before);
    await this.#assertNotes(items);
    this.#reference.assertSame(observed, sumStats([await this.#store.stats()]));
    return claims.map(leaseOf);
  }

  /** Leases this worker holds, or stale ones: those of items that somebody else holds now, if there are any. */
  #choose(worker: Worker, wishes: Of<'turn'>['settlements']): { lease: Lease; settlement: Settlement }[] {
    const chosen = new Map<Lease, Settlement>();
    for (const { lease: index, stale, settlement } of wishes) {
      const lease = this.#leaseAt(worker, index, stale);
      if (lease) chosen.set(lease, settlement);
    }
    this.#stale.push(...chosen.keys());
    return Array.from(chosen, ([lease, settlement]) => ({ lease, settlement }));
  }

  #leaseAt(worker: Worker, index: number, stale: boolean): Lease | undefined {
    const isTaken = ({ id, token }: Lease): boolean =>
      this.#reference.items.get(id)?.place === 'leased' && !this.#reference.holds(id, token);
    const taken = stale ? this.#stale.filter(isTaken) : [];
    const from = !stale ? worker.held : taken.length > 0 ? taken : this.#stale;
    return from[index % from.length];
  }

  async #renew({ worker: index, lengthMs, shorten, fate }: Of<'renew'>): Promise<void> {
    const { held } = this.#workers[index]!;
    if (held.length === 0) return;
    const args = held.flatMap(({ id, token }) => [id, token, lengthMs]);
    const options = { shorten, seenAgain: true };
    const renew = () => this.#store.renew(args, timeoutMs, options);
    const { reply, now } = await this.#idempotent(fate, renew);
    const deadline = later(now, lengthMs);
    expect(reply).toEqual(held.map(({ id, token }) => this.#reference.renew(id, token, deadline, shorten)));
    await this.#compare(now);
  }

  async #note({ worker, lease: index, stale, note, fate }: Of<'note'>): Promise<void> {
    const lease = this.#leaseAt(this.#workers[worker]!, index, stale);
    if (lease === undefined) return;
    this.#notes += 1;
    const text = `note ${this.#notes}`;
    const save = () => this.#store.saveNote(lease.id, lease.token, noteFields[note], text);
    const { reply, now } = await this.#idempotent(fate, save);
    lease.fresh = false;
    const held = this.#reference.holds(lease.id, lease.token);
    expect(reply).toBe(held);
    if (held) this.#reference.items.get(lease.id)!.notes.set(note, text);
    await this.#compare(now);
  }

  /** What was noted is there for the next holder, and nothing of an earlier item of the same id. */
  async #assertNotes(items: readonly ReferenceItem[]): Promise<void> {
    for (const { id, notes } of items) {
      const { progress, checkpoint } = (await this.#store.get(id))!;
      expect({ progress, checkpoint }).toEqual({
        progress: notes.get('progress'),
        checkpoint: notes.get('checkpoint'),
      });
    }
  }

  /** Its place among the sleepers goes with it; a crash that leaves it there costs latency, which has no place here. */
  async #crash(index: number): Promise<void> {
    const { held, callers, bell } = this.#workers[index]!;
    this.#stale.push(...held, ...callers.flatMap(({ unknown }) => unknown));
    this.#workers[index] = this.#newWorker();
    await this.#store.leave([], `${this.#redis.doorbell.channel} ${bell}`);
    this.#seen = undefined;
  }

  async #administer(operation: Of<'cancel'> | Of<'redrive'> | Of<'drop'>): Promise<void> {
    const id = this.#idFor(operation);
    const { reply, now } = await this.#numbered<unknown>(operation.fate, (lane) => {
      if (operation.type === 'cancel') return this.#store.cancel(lane, id);
      if (operation.type === 'redrive') return this.#store.redrive(lane, operation.delayMs, [id]);
      return this.#store.drop(lane, operation.state, [id]);
    });
    if (operation.type === 'cancel') expect(reply).toBe(this.#reference.cancel(id, now));
    else if (operation.type === 'redrive')
      expect(reply).toEqual([this.#reference.redrive(id, operation.delayMs, now)]);
    else expect(reply).toEqual([this.#reference.drop(id, operation.state)]);
    await this.#compare(now);
  }

  /** One that may be done something to, or any. */
  #idFor(operation: Of<'cancel'> | Of<'redrive'> | Of<'drop'> | Of<'await' | 'stop-waiting'>): string {
    const { id } = operation;
    const items = [...this.#reference.items.values()];
    const inPlace = (place: string): string[] =>
      items.filter((item) => item.place === place).map((item) => item.id);
    let fitting = items.map((item) => item.id);
    if (operation.type === 'redrive') fitting = inPlace('dead');
    if (operation.type === 'stop-waiting') fitting = [...this.#reference.awaiting.keys()];
    if (operation.type === 'drop')
      fitting = operation.state === 'kept' ? [...this.#reference.kept.keys()] : inPlace(operation.state);
    return (id % 2 === 0 ? fitting[id % fitting.length] : undefined) ?? `i${id % idCount}`;
  }

  async #pause({ to, fate }: Of<'pause'>): Promise<void> {
    const { now } = await this.#idempotent(fate, () => this.#store.setPaused(to));
    this.#reference.paused = to;
    await this.#compare(now);
  }

  async #await(operation: Of<'await' | 'stop-waiting'>): Promise<void> {
    const { fate } = operation;
    const id = this.#idFor(operation);
    const waiter = `nobody waiter-${operation.waiter}`;
    if (operation.type === 'stop-waiting') {
      const { now } = await this.#idempotent(fate, () => this.#store.forgetWaiter(id, waiter));
      this.#reference.stopWaiting(id, waiter);
      return this.#compare(now);
    }
    // On a real Redis what is kept may go between the two.
    let keptUntil = 0;
    const { reply, now } = await this.#idempotent(
      fate,
      () => this.#store.outcome(id, waiter),
      (first, second) => {
        if (first.status !== 'kept' || second.status !== 'unknown') return expectEqual(first, second);
        keptUntil = Number(first.record.split(' ')[2]);
      },
    );
    expect(keptUntil).toBeLessThanOrEqual(now.to);
    expect(reply.status).toBe(this.#reference.outcome(id, now, reply.status));
    if (reply.status === 'pending') this.#reference.await(id, waiter);
    await this.#compare(now);
  }

  async #sweep({ deadAgeMs, deadMax, keptMax, fate }: Of<'sweep'>): Promise<void> {
    const limits = { deadAgeMs, deadMax, keptMax };
    // Time goes on between two executions, so the second may find something, too.
    const replies: SweepReply[] = [];
    const sweep = async (): Promise<void> => void replies.push(await this.#store.sweep(limits, 200));
    const { now } = await this.#idempotent(fate, sweep);
    this.#seen = undefined;
    const observed = await this.#look();
    // What expires in it leaves an outcome, which may be one too many.
    this.#reference.timeMoves(observed, now, false);
    const removed = this.#reference.sweep(observed, limits, now);
    const total = (kind: 'dead' | 'kept'): number => replies.reduce((sum, reply) => sum + reply[kind], 0);
    expect({ dead: total('dead'), kept: total('kept') }).toEqual(removed);
    expect(replies.some(({ more }) => more)).toBe(false);
    await this.#compare(now);
  }

  #numbered<T>(fate: Fate, call: (lane: Lane) => Promise<T>): Promise<{ reply: T; now: Moment }> {
    this.#admin += 1;
    const lane = { id: 'admin', seq: this.#admin, acked: this.#admin - 1 };
    return this.#send(fate, () => call(lane), expectEqual);
  }

  /** A call that is executed twice must answer twice the same, and have one effect. */
  async #send<T>(
    fate: Fate,
    call: () => Promise<T>,
    same: (first: T, second: T) => void,
  ): Promise<{ reply: T; now: Moment }> {
    const from = Math.floor(await this.#redis.time());
    const reply = await call();
    const to = Math.ceil(await this.#redis.time());
    if (fate === 'executed-twice' || fate === 'lost') same(reply, await call());
    return { reply, now: { from, to } };
  }

  /** One whose second execution counts like the first. */
  async #idempotent<T>(
    fate: Fate,
    call: () => Promise<T>,
    same: (first: T, second: T) => void = expectEqual,
  ): Promise<{ reply: T; now: Moment }> {
    const { reply, now } = await this.#send(fate, call, same);
    return { reply, now: { from: now.from, to: Math.ceil(await this.#redis.time()) } };
  }

  async #look(): Promise<Observed> {
    this.#seen ??= await this.#observer.observe();
    return this.#seen;
  }

  async #compare(now: Moment): Promise<void> {
    this.#seen = undefined;
    const observed = await this.#look();
    this.#reference.timeMoves(observed, now, false);
    this.#reference.assertSame(observed, sumStats([await this.#store.stats()]));
    this.#assertNobodyDeaf(observed);
  }

  /** When all workers sleep, nothing is ready, and one of them knows when to look next. */
  #assertNobodyDeaf({ asleep }: Observed): void {
    const workers = this.#workers.filter(({ started }) => started);
    if (workers.length === 0 || !workers.every(({ sleeps, bell }) => sleeps && asleep.has(bell))) return;
    if (!this.#reference.paused) expect(this.#reference.ready(), 'all sleep and there is work').toEqual([]);
    const next = Math.min(...workers.map(({ knownDue }) => knownDue));
    expect(next, 'all sleep longer than they may').toBeLessThanOrEqual(this.#reference.nextDue());
  }
}

/** What stands for this id and no other. */
function oddFor(id: string): number {
  const number = Number(id.slice(1));
  return number % 2 === 1 ? number : number + idCount;
}

function specOf({ delayMs = 0, expiresInMs, visibilityMs }: ItemOptions, runAt: number | undefined): string {
  const due = runAt === undefined ? String(delayMs) : `@${runAt}`;
  const plain = due === '0' && expiresInMs === undefined && visibilityMs === undefined;
  return plain ? '' : ` ${due} e${expiresInMs ?? ''} v${visibilityMs ?? ''}`;
}

function expectEqual(first: unknown, second: unknown): void {
  expect(second).toEqual(first);
}

function sameTurn(first: TurnReply, second: TurnReply): void {
  expect(briefly(second)).toEqual(briefly(first));
}

const order: readonly Priority[] = ['critical', 'high', 'normal', 'low'];

/** The claimed levels are the highest of those that were there. */
function assertStrict(claimed: readonly ReferenceItem[], available: readonly ReferenceItem[]): void {
  const rank = ({ level }: ReferenceItem): number => order.indexOf(level);
  const best = available
    .map(rank)
    .sort((a, b) => a - b)
    .slice(0, claimed.length);
  expect(claimed.map(rank)).toEqual(best);
}
