import { expect } from 'vitest';
import type { Priority, Settlement } from '../../src/item.ts';
import type { EngineStats } from '../../src/engine.ts';
import { anyTime, hadCome, later, latest, mayHaveCome, type Moment } from './moment.ts';
import type { Observed, ObservedItem } from './observer.ts';

export interface ReferenceItem {
  readonly id: string;
  readonly level: Priority;
  /** Length of its leases, if it has one of its own. */
  readonly visibilityMs: number | undefined;
  readonly notes: Map<'progress' | 'checkpoint', string>;
  place: 'ready' | 'delayed' | 'leased' | 'dead';
  /** When it is due (delayed), its lease ends (leased), or it died (dead). */
  at: Moment;
  expiresAt: Moment | undefined;
  token: number;
  deliveries: number;
  attempts: number;
  cancelled: boolean;
}

/** How an item ended, as long as somebody may ask. */
export interface ReferenceOutcome {
  readonly status: 'completed' | 'cancelled' | 'expired';
  readonly until: Moment;
  readonly result: string | undefined;
}

export interface NewReferenceItem {
  readonly id: string;
  readonly level: Priority;
  readonly due: Moment | undefined;
  readonly expiresAt: Moment | undefined;
  readonly visibilityMs: number | undefined;
}

/** What somebody waits for is kept for so long at least. */
const awaitedMs = 60_000;

/** The state machine in plain lines: what the scripts must do, without how. */
export class Reference {
  readonly items = new Map<string, ReferenceItem>();
  readonly kept = new Map<string, ReferenceOutcome>();
  /** Who waits for the end of an item. */
  readonly awaiting = new Map<string, Set<string>>();
  readonly totals = {
    enqueued: 0,
    completed: 0,
    failed: 0,
    died: 0,
    cancelled: 0,
    expired: 0,
    reclaimed: 0,
    redriven: 0,
  };
  paused = false;
  readonly #maxDeliveries: number;
  readonly #keepMs: number;
  #lastToken = 0;

  /** Outcomes of cancelled and expired items are kept for `keepMs`. */
  constructor(maxDeliveries: number, keepMs: number) {
    this.#maxDeliveries = maxDeliveries;
    this.#keepMs = keepMs;
  }

  /** `reply` decides only where the moment at which an outcome goes is not known exactly. */
  enqueue(item: NewReferenceItem, now: Moment, reply: string): 'added' | 'duplicate' {
    const { id, due } = item;
    if (this.items.has(id)) return 'duplicate';
    const outcome = this.kept.get(id);
    if (outcome !== undefined) {
      const gone = hadCome(outcome.until, now) || (mayHaveCome(outcome.until, now) && reply === 'added');
      if (!gone) return 'duplicate';
      this.kept.delete(id);
    }
    this.totals.enqueued += 1;
    // What may be due already counts as delayed: that it is ready is then seen.
    const place = due === undefined || hadCome(due, now) ? 'ready' : 'delayed';
    const fresh = { notes: new Map(), token: 0, deliveries: 0, attempts: 0, cancelled: false };
    this.items.set(id, { ...item, ...fresh, place, at: due ?? anyTime });
    return 'added';
  }

  holds(id: string, token: number): boolean {
    const item = this.items.get(id);
    return item?.place === 'leased' && item.token === token;
  }

  settle(id: string, token: number, settlement: Settlement, now: Moment): boolean {
    if (!this.holds(id, token)) return false;
    const item = this.items.get(id)!;
    switch (settlement.type) {
      case 'complete':
        this.totals.completed += 1;
        this.#end(item, 'completed', now, settlement.keepMs ?? 0, settlement.result);
        break;
      case 'retry':
        this.#fail(item);
        this.#goBack(item, settlement.delayMs, now);
        break;
      case 'dead':
        if (settlement.error !== undefined) this.#fail(item);
        if (!this.#endCancelled(item, now)) this.#die(item, now);
        break;
      case 'release':
        item.deliveries -= 1;
        this.#goBack(item, settlement.delayMs ?? 0, now);
        break;
    }
    return true;
  }

  renew(id: string, token: number, deadline: Moment, shorten: boolean): 'renewed' | 'lost' | 'cancelled' {
    if (!this.holds(id, token)) return 'lost';
    const item = this.items.get(id)!;
    item.at = shorten ? deadline : latest(item.at, deadline);
    return item.cancelled ? 'cancelled' : 'renewed';
  }

  /** What time does: given that it happened, and when it can have. */
  timeMoves(observed: Observed, now: Moment, everythingDueMoved: boolean): void {
    for (const item of [...this.items.values()]) {
      const seen = observed.items.get(item.id);
      if (item.place === 'leased' || item.place === 'delayed')
        this.#comesDue(item, seen, now, everythingDueMoved);
      const waiting = item.place === 'ready' || item.place === 'delayed';
      if (!waiting || seen !== undefined || !this.items.has(item.id)) continue;
      if (item.expiresAt === undefined || !mayHaveCome(item.expiresAt, now)) continue;
      this.totals.expired += 1;
      this.#end(item, 'expired', now, this.#keepMs, undefined);
    }
  }

  claim(id: string, token: number, now: Moment, visibilityMs: number): ReferenceItem {
    const item = this.items.get(id);
    expect(item, `${id} was claimed and is not there`).toBeDefined();
    expect(this.paused, `${id} was claimed from a paused queue`).toBe(false);
    expect(item!.place, `${id} was claimed from the wrong place`).toBe('ready');
    if (item!.expiresAt) expect(hadCome(item!.expiresAt, now), `${id} was claimed too late`).toBe(false);
    expect(token, 'tokens rise').toBeGreaterThan(this.#lastToken);
    this.#lastToken = token;
    Object.assign(item!, { place: 'leased', token, at: later(now, visibilityMs) });
    item!.deliveries += 1;
    return item!;
  }

  cancel(id: string, now: Moment): 'cancelled' | 'cancelling' | 'not-found' {
    const item = this.items.get(id);
    if (item === undefined || item.place === 'dead') return 'not-found';
    item.cancelled = true;
    if (item.place === 'leased') return 'cancelling';
    this.#endCancelled(item, now);
    return 'cancelled';
  }

  /** A redriven item starts anew. */
  redrive(id: string, delayMs: number, now: Moment): boolean {
    const item = this.items.get(id);
    if (item?.place !== 'dead') return false;
    this.totals.redriven += 1;
    Object.assign(item, { deliveries: 0, attempts: 0, expiresAt: undefined });
    this.#goBack(item, delayMs, now);
    return true;
  }

  drop(id: string, state: string): boolean {
    if (state === 'kept') return this.kept.delete(id);
    if (this.items.get(id)?.place !== state) return false;
    this.awaiting.delete(id);
    return this.items.delete(id);
  }

  /** What retention takes away: the oldest, and no more than it has to. `-1`: no limit. Gives how many. */
  sweep(
    observed: Observed,
    { deadAgeMs, deadMax, keptMax }: { deadAgeMs: number; deadMax: number; keptMax: number },
    now: Moment,
  ): { dead: number; kept: number } {
    const dead = [...this.items.values()].filter(({ place }) => place === 'dead');
    const old = (at: Moment): Moment => later(at, deadAgeMs < 0 ? Infinity : deadAgeMs);
    const diedAt = new Map(dead.map(({ id, at }) => [id, { at, over: old(at) }]));
    const gone = assertOldestGone(diedAt, observed.items, deadMax, now);
    for (const id of gone) this.items.delete(id);
    const endedAt = new Map(Array.from(this.kept, ([id, { until }]) => [id, { at: until, over: until }]));
    const forgotten = assertOldestGone(endedAt, observed.kept, keptMax, now);
    for (const id of forgotten) this.kept.delete(id);
    return { dead: gone.length, kept: forgotten.length };
  }

  /** Gives how the item stands; who waits for one that has not ended is told when it does. */
  outcome(id: string, now: Moment, reply: string): string {
    const item = this.items.get(id);
    if (item !== undefined) return item.place === 'dead' ? 'dead' : 'pending';
    const outcome = this.kept.get(id);
    if (outcome === undefined || hadCome(outcome.until, now)) return 'unknown';
    return mayHaveCome(outcome.until, now) ? reply : 'kept';
  }

  await(id: string, waiter: string): void {
    const waiting = this.awaiting.get(id) ?? new Set();
    this.awaiting.set(id, waiting.add(waiter));
  }

  stopWaiting(id: string, waiter: string): void {
    const waiting = this.awaiting.get(id);
    waiting?.delete(waiter);
    if (waiting?.size === 0) this.awaiting.delete(id);
  }

  /** Everything that was claimed from `before` to `after` was claimed in order of level. */
  ready(): ReferenceItem[] {
    return [...this.items.values()].filter(({ place }) => place === 'ready');
  }

  /** When a sleeper has to look at the latest. */
  nextDue(): number {
    let next = Infinity;
    for (const { place, at } of this.items.values()) {
      if (place === 'leased' || place === 'delayed') next = Math.min(next, at.to);
    }
    return next;
  }

  assertSame(observed: Observed, stats: EngineStats): void {
    const expected = Array.from(this.items.values(), ({ id, place, token, deliveries, attempts }) => [
      id,
      { place, token: place === 'leased' ? token : undefined, deliveries, attempts },
    ]);
    expect(Object.fromEntries(observed.items)).toEqual(Object.fromEntries(expected));
    expect(observed.awaiting).toEqual(this.awaiting);
    this.#assertKept(observed);
    const count = (check: (item: ReferenceItem) => boolean): number =>
      [...this.items.values()].filter(check).length;
    const ready = (level: Priority): number =>
      count((item) => item.place === 'ready' && item.level === level);
    expect(stats).toMatchObject({
      ...this.totals,
      ready: { critical: ready('critical'), high: ready('high'), normal: ready('normal'), low: ready('low') },
      delayed: count(({ place }) => place === 'delayed'),
      leased: count(({ place }) => place === 'leased'),
      dead: count(({ place }) => place === 'dead'),
      kept: this.kept.size,
      paused: this.paused,
    });
  }

  #assertKept({ kept }: Observed): void {
    expect([...kept.keys()].sort()).toEqual([...this.kept.keys()].sort());
    for (const [id, { status, until, result }] of this.kept) {
      expect(kept.get(id)).toMatchObject({ status, result });
      expect(kept.get(id)!.until, `the retention of ${id}`).toBeGreaterThanOrEqual(until.from);
      expect(kept.get(id)!.until, `the retention of ${id}`).toBeLessThanOrEqual(until.to);
    }
  }

  #comesDue(item: ReferenceItem, seen: ObservedItem | undefined, now: Moment, allMoved: boolean): void {
    const moved = seen?.place !== item.place || (item.place === 'leased' && seen.token !== item.token);
    const expired = item.expiresAt !== undefined && mayHaveCome(item.expiresAt, now);
    if (!moved) {
      if (allMoved)
        expect(item.at.to, `${item.id} was due and did not move`).toBeGreaterThanOrEqual(now.from);
      return;
    }
    // A delayed item that is not there may have expired before it was due.
    if (item.place === 'delayed' && seen === undefined && expired) return;
    expect(mayHaveCome(item.at, now), `${item.id} moved before its time`).toBe(true);
    if (item.place === 'leased') this.#reclaim(item, now);
    else item.place = 'ready';
  }

  #fail(item: ReferenceItem): void {
    item.attempts += 1;
    this.totals.failed += 1;
  }

  #die(item: ReferenceItem, now: Moment): void {
    Object.assign(item, { place: 'dead', at: now });
    this.totals.died += 1;
    this.awaiting.delete(item.id);
  }

  #endCancelled(item: ReferenceItem, now: Moment): boolean {
    if (!item.cancelled) return false;
    this.totals.cancelled += 1;
    this.#end(item, 'cancelled', now, this.#keepMs, undefined);
    return true;
  }

  #end(
    { id }: ReferenceItem,
    status: ReferenceOutcome['status'],
    now: Moment,
    keepMs: number,
    result: string | undefined,
  ): void {
    this.items.delete(id);
    const ms = this.awaiting.delete(id) ? Math.max(keepMs, awaitedMs) : keepMs;
    if (ms > 0) this.kept.set(id, { status, until: later(now, ms), result });
  }

  #goBack(item: ReferenceItem, delayMs: number, now: Moment): void {
    if (this.#endCancelled(item, now)) return;
    item.place = delayMs > 0 ? 'delayed' : 'ready';
    item.at = later(now, delayMs);
  }

  /** Nobody was heard of: too often is too often, whatever failed in between. */
  #reclaim(item: ReferenceItem, now: Moment): void {
    this.totals.reclaimed += 1;
    if (this.#endCancelled(item, now)) return;
    if (item.deliveries - item.attempts >= this.#maxDeliveries) this.#die(item, now);
    else item.place = 'ready';
  }
}

/** Those that are not there any more. What is over had to go, and of the others the oldest if there were too many. */
function assertOldestGone(
  before: ReadonlyMap<string, { readonly at: Moment; readonly over: Moment }>,
  after: ReadonlyMap<string, unknown>,
  max: number,
  now: Moment,
): string[] {
  const gone = [...before.keys()].filter((id) => !after.has(id));
  const left = [...before.keys()].filter((id) => after.has(id));
  for (const id of left) {
    expect(hadCome(before.get(id)!.over, now), `${id} had to go`).toBe(false);
    for (const other of gone) expect(before.get(other)!.at.from).toBeLessThanOrEqual(before.get(id)!.at.to);
  }
  if (max >= 0) expect(left.length).toBeLessThanOrEqual(max);
  const mayGo = gone.filter((id) => mayHaveCome(before.get(id)!.over, now)).length;
  const excess = max < 0 ? 0 : Math.max(before.size - max, 0);
  expect(gone.length).toBeLessThanOrEqual(Math.max(mayGo, excess));
  return gone;
}
