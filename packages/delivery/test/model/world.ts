import type { Redis } from '@lockstep/redis';
import type { BehaviourHarness } from '@lockstep/testing';
import { expect } from 'vitest';
import type { Priority, Settlement } from '../../src/item.ts';
import type { Lane } from '../../src/lanes.ts';
import { resolveOptions } from '../../src/options.ts';
import { parseState } from '../../src/record.ts';
import type { Claim, TurnReply } from '../../src/scripts/turn.ts';
import { Store, type TurnRequest } from '../../src/store.ts';
import { sumStats } from '../../src/sum-stats.ts';
import type { Fate, Operation } from './operations.ts';
import { later, Reference, type Moment, type ObservedItem } from './reference.ts';

interface Lease {
  readonly id: string;
  readonly token: number;
  /** Claimed for the first time. */
  readonly fresh: boolean;
}

interface Worker {
  caller: string;
  seq: number;
  acked: number;
  held: Lease[];
  /** Claimed by a call that was given up: Redis takes them back with the next one. */
  unknown: Lease[];
  readonly turns: TurnRequest[];
}

const letters = { complete: 'c', retry: 'r', dead: 'd', release: 'b' } as const;
const places = [
  ['critical', 'ready'],
  ['high', 'ready'],
  ['normal', 'ready'],
  ['low', 'ready'],
  ['delayed', 'delayed'],
  ['leased', 'leased'],
  ['dead', 'dead'],
] as const;

/** Three workers and an administrator on one partition, and the reference beside them. */
export class World {
  readonly #harness: BehaviourHarness;
  readonly #redis: Redis;
  readonly #store: Store;
  readonly #reference: Reference;
  readonly #visibilityMs: number;
  readonly #workers: Worker[] = [];
  readonly #stale: Lease[] = [];
  readonly #strict: boolean;
  #crashes = 0;
  #admin = 0;

  constructor(harness: BehaviourHarness, redis: Redis, step: number, lowerShare: number) {
    const maxDeliveries = 3;
    const name = harness.uniqueName();
    this.#harness = harness;
    this.#redis = redis;
    this.#visibilityMs = step * 10;
    this.#strict = lowerShare === 0;
    const visibilityMs = this.#visibilityMs;
    this.#store = new Store(
      resolveOptions({ redis, kind: 'model', name, visibilityMs, maxDeliveries, lowerShare }),
      0,
    );
    this.#reference = new Reference(maxDeliveries);
    for (let index = 0; index < 3; index += 1) this.#workers.push(this.#newWorker());
  }

  async perform(operation: Operation): Promise<void> {
    switch (operation.type) {
      case 'enqueue':
        return this.#enqueue(operation);
      case 'turn':
        return this.#turn(operation);
      case 'renew':
        return this.#renew(this.#workers[operation.worker]!);
      case 'crash':
        return this.#crash(operation.worker);
      case 'late-copy':
        return this.#lateCopy(this.#workers[operation.worker]!, operation.turn);
      case 'advance':
        return this.#harness.advance(operation.ms);
      case 'cancel':
      case 'redrive':
      case 'drop':
        return this.#administer(operation.type, `i${operation.id}`, operation.fate);
    }
  }

  /** Works off what is left; nothing but the counters may remain. */
  async end(): Promise<void> {
    for (const index of this.#workers.keys()) this.#crash(index);
    for (let round = 0; round < 2; round += 1) {
      await this.#harness.advance(this.#visibilityMs + 1);
      await this.#turn({ type: 'turn', worker: 0, want: 100, settlements: [], fate: 'arrives' });
      const settlements = this.#workers[0]!.held.map((_, lease) => ({
        lease,
        stale: false,
        settlement: { type: 'complete' } as const,
      }));
      await this.#turn({ type: 'turn', worker: 0, want: -1, settlements, fate: 'arrives' });
    }
    const dead = [...this.#reference.items.keys()];
    for (const id of dead) await this.#administer('drop', id, 'arrives');
    expect([...this.#reference.items.keys()]).toEqual([]);
    const callers = [...this.#workers.map(({ caller }) => caller), 'admin'];
    for (let crash = 0; crash <= this.#crashes; crash += 1) callers.push(`worker ${crash}`);
    await this.#store.leave(callers, '');
    const left: string[] = [];
    for (const key of this.#store.partition.all) if (await this.#redis.client.exists(key)) left.push(key);
    expect(left).toEqual([this.#store.partition.keys.meta]);
  }

  #newWorker(): Worker {
    this.#crashes += 1;
    return { caller: `worker ${this.#crashes}`, seq: 0, acked: 0, held: [], unknown: [], turns: [] };
  }

  async #enqueue({ ids, level, delayMs, fate }: Extract<Operation, { type: 'enqueue' }>): Promise<void> {
    const items = ids.map((id) => ({
      id: `i${id}`,
      level: level.charAt(0),
      options: delayMs === 0 ? '' : ` ${delayMs} e v`,
      body: `body of ${id}`,
    }));
    const { reply, now } = await this.#numbered(fate, (lane) => this.#store.enqueue(lane, items));
    const due = delayMs === 0 ? undefined : later(now, delayMs);
    expect(reply).toEqual(ids.map((id) => this.#reference.enqueue(`i${id}`, level, due)));
    await this.#compare(now, false);
  }

  async #turn(operation: Extract<Operation, { type: 'turn' }>): Promise<void> {
    const worker = this.#workers[operation.worker]!;
    const asked = this.#choose(worker, operation.settlements);
    worker.seq += 1;
    const request: TurnRequest = {
      caller: { id: worker.caller, seq: worker.seq, acked: worker.acked },
      want: operation.want,
      waiter: '',
      armed: false,
      woken: false,
      settlementArgs: asked.flatMap(({ lease, settlement }) => settlementArgs(lease, settlement)),
    };
    const { reply, now } = await this.#send(operation.fate, () => this.#store.turn(request), sameTurn);
    worker.turns.push(request);
    for (const { id, token } of worker.unknown) {
      this.#reference.settle(id, token, { type: 'release' }, now);
    }
    worker.unknown = [];
    const expected = asked.map(({ lease, settlement }) =>
      this.#reference.settle(lease.id, lease.token, settlement, now),
    );
    expect(reply.accepted).toEqual(expected);
    const claimed = await this.#claimed(reply, operation.want, now);
    if (operation.fate === 'given-up') {
      worker.unknown = claimed;
      return;
    }
    worker.acked = worker.seq;
    worker.held = [...worker.held.filter((lease) => !asked.some((one) => one.lease === lease)), ...claimed];
  }

  async #lateCopy({ turns }: Worker, index: number): Promise<void> {
    if (turns.length < 2) return;
    const late = this.#store.turn(turns[index % (turns.length - 1)]!);
    await expect(late).rejects.toMatchObject({ code: 'REDIS_COMMAND' });
  }

  async #claimed(reply: TurnReply, want: number, now: Moment): Promise<Lease[]> {
    const observed = await this.#observe();
    // What is claimed in this turn may have become ready in it.
    this.#reference.timeMoves(observed, now, want >= 0);
    const before = this.#reference.ready();
    const leases = reply.claims.map((claim) => ({
      id: claim.id,
      token: tokenOf(claim),
      fresh: isFresh(claim),
    }));
    const items = leases.map(({ id, token }) =>
      this.#reference.claim(id, token, later(now, this.#visibilityMs)),
    );
    expect(leases).toHaveLength(Math.min(Math.max(want, 0), before.length));
    if (this.#strict)
      assertStrict(
        items.map(({ level }) => level),
        before.map(({ level }) => level),
      );
    for (const { id, record } of reply.claims) expect(record.endsWith(` body of ${id.slice(1)}`)).toBe(true);
    this.#reference.assertSame(observed, await this.#stats());
    return leases;
  }

  /** Leases this worker holds, or stale ones: those of items that somebody else holds now, if there are any. */
  #choose(
    worker: Worker,
    wishes: Extract<Operation, { type: 'turn' }>['settlements'],
  ): { lease: Lease; settlement: Settlement }[] {
    const chosen = new Map<Lease, Settlement>();
    const taken = this.#stale.filter(
      ({ id, token }) =>
        this.#reference.items.get(id)?.place === 'leased' && !this.#reference.holds(id, token),
    );
    for (const { lease, stale, settlement } of wishes) {
      const from = !stale ? worker.held : taken.length > 0 ? taken : this.#stale;
      if (from.length > 0) chosen.set(from[lease % from.length]!, settlement);
    }
    const asked = Array.from(chosen, ([lease, settlement]) => ({ lease, settlement }));
    this.#stale.push(...asked.map(({ lease }) => lease));
    return asked;
  }

  async #renew(worker: Worker): Promise<void> {
    if (worker.held.length === 0) return;
    const args = worker.held.flatMap(({ id, token }) => [id, token, this.#visibilityMs]);
    const { reply, now } = await this.#send('arrives', () => this.#store.renew(args, 2_000), expectEqual);
    worker.held.forEach(({ id, token }, index) => {
      const held = this.#reference.holds(id, token);
      const item = this.#reference.items.get(id);
      expect(reply[index]).toBe(!held ? 'lost' : item!.cancelled ? 'cancelled' : 'renewed');
      if (held) item!.at = later(now, this.#visibilityMs);
    });
    await this.#compare(now, false);
  }

  #crash(index: number): void {
    this.#stale.push(...this.#workers[index]!.held);
    this.#workers[index] = this.#newWorker();
  }

  async #administer(type: 'cancel' | 'redrive' | 'drop', id: string, fate: Fate): Promise<void> {
    const { reply, now } = await this.#numbered<unknown>(fate, (lane) => {
      if (type === 'cancel') return this.#store.cancel(lane, id);
      return type === 'redrive' ? this.#store.redrive(lane, 0, [id]) : this.#store.drop(lane, 'dead', [id]);
    });
    if (type === 'cancel') expect(reply).toBe(this.#reference.cancel(id));
    else expect(reply).toEqual([type === 'redrive' ? this.#reference.redrive(id) : this.#reference.drop(id)]);
    await this.#compare(now, false);
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

  async #compare(now: Moment, everythingDueMoved: boolean): Promise<void> {
    const observed = await this.#observe();
    this.#reference.timeMoves(observed, now, everythingDueMoved);
    this.#reference.assertSame(observed, await this.#stats());
  }

  async #observe(): Promise<Map<string, ObservedItem>> {
    const observed = new Map<string, ObservedItem>();
    for (const [place, kind] of places) {
      const key = this.#store.partition.keys[place];
      const { items } = await this.#store.list(key, {
        kind,
        from: kind === 'ready' ? 0 : '-inf',
        skip: 0,
        limit: 1_000,
        bytes: 1_000_000,
      });
      for (const { id, state } of items) {
        expect(observed.has(id), `${id} is in ${place} and in ${observed.get(id)?.place}`).toBe(false);
        const { token, deliveries, attempts } = parseState(state);
        observed.set(id, { place: kind, token: token === 0 ? undefined : token, deliveries, attempts });
      }
    }
    return observed;
  }

  async #stats() {
    return sumStats([await this.#store.stats()]);
  }
}

function tokenOf(claim: Claim): number {
  return isFresh(claim) ? Number(claim.state) : parseState(claim.state).token;
}

/** Whether the script says that nothing but record and state is stored of it. */
function isFresh({ state }: Claim): boolean {
  return !state.includes(' ');
}

function settlementArgs({ id, token, fresh }: Lease, settlement: Settlement): (string | number)[] {
  const letter = letters[settlement.type];
  switch (settlement.type) {
    case 'complete':
      if (fresh && settlement.keepMs === undefined) return ['c', id, token];
      return ['C', id, token, settlement.keepMs ?? 0, ''];
    case 'retry':
      return [letter, id, token, settlement.delayMs, `=${settlement.error}`];
    case 'dead':
      return [
        letter,
        id,
        token,
        settlement.reason,
        settlement.error === undefined ? '' : `=${settlement.error}`,
      ];
    case 'release':
      return [letter, id, token, settlement.delayMs ?? 0];
  }
}

function expectEqual(first: unknown, second: unknown): void {
  expect(second).toEqual(first);
}

function sameTurn(first: TurnReply, second: TurnReply): void {
  const brief = ({ accepted, claims }: TurnReply): unknown => ({
    accepted,
    claims: claims.map((claim) => ({ id: claim.id, record: claim.record, token: tokenOf(claim) })),
  });
  expect(brief(second)).toEqual(brief(first));
}

const order: readonly Priority[] = ['critical', 'high', 'normal', 'low'];

/** The claimed levels are the highest of those that were there. */
function assertStrict(claimed: readonly Priority[], available: readonly Priority[]): void {
  const rank = (level: Priority): number => order.indexOf(level);
  const best = available
    .map(rank)
    .sort((a, b) => a - b)
    .slice(0, claimed.length);
  expect(claimed.map(rank)).toEqual(best);
}
