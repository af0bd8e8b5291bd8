import { expect } from 'vitest';
import type { Priority, Settlement } from '../../src/item.ts';
import type { EngineStats } from '../../src/engine.ts';

/** A moment that is known only to lie between two others: exact on memory, a round trip wide on a real Redis. */
export interface Moment {
  readonly from: number;
  readonly to: number;
}

export interface ReferenceItem {
  readonly id: string;
  readonly level: Priority;
  place: 'ready' | 'delayed' | 'leased' | 'dead';
  /** When it is due (delayed), or its lease ends (leased). */
  at: Moment;
  token: number;
  deliveries: number;
  attempts: number;
  cancelled: boolean;
}

/** What an item looks like in Redis. */
export interface ObservedItem {
  readonly place: ReferenceItem['place'];
  readonly token: number | undefined;
  readonly deliveries: number;
  readonly attempts: number;
}

const anyTime: Moment = { from: 0, to: 0 };

export function later(moment: Moment, ms: number): Moment {
  return { from: moment.from + ms, to: moment.to + ms };
}

/** The state machine in a few plain lines: what the scripts must do, without how. */
export class Reference {
  readonly items = new Map<string, ReferenceItem>();
  readonly totals = {
    enqueued: 0,
    completed: 0,
    failed: 0,
    died: 0,
    cancelled: 0,
    reclaimed: 0,
    redriven: 0,
  };
  readonly #maxDeliveries: number;
  #lastToken = 0;

  constructor(maxDeliveries: number) {
    this.#maxDeliveries = maxDeliveries;
  }

  enqueue(id: string, level: Priority, due: Moment | undefined): 'added' | 'duplicate' {
    if (this.items.has(id)) return 'duplicate';
    this.totals.enqueued += 1;
    const place = due === undefined ? 'ready' : 'delayed';
    const at = due ?? anyTime;
    this.items.set(id, { id, level, place, at, token: 0, deliveries: 0, attempts: 0, cancelled: false });
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
        this.items.delete(id);
        break;
      case 'retry':
        this.#fail(item);
        this.#goBack(item, settlement.delayMs, now);
        break;
      case 'dead':
        if (settlement.error !== undefined) this.#fail(item);
        if (!this.#endCancelled(item)) this.#die(item);
        break;
      case 'release':
        item.deliveries -= 1;
        this.#goBack(item, settlement.delayMs ?? 0, now);
        break;
    }
    return true;
  }

  /** What time does: given that it happened, and when it can have. */
  timeMoves(observed: ReadonlyMap<string, ObservedItem>, now: Moment, everythingDueMoved: boolean): void {
    for (const item of [...this.items.values()]) {
      if (item.place !== 'leased' && item.place !== 'delayed') continue;
      const seen = observed.get(item.id);
      const moved = seen?.place !== item.place || (item.place === 'leased' && seen.token !== item.token);
      if (moved) expect(item.at.from, `${item.id} moved before its time`).toBeLessThanOrEqual(now.to);
      else if (everythingDueMoved) {
        expect(item.at.to, `${item.id} was due and did not move`).toBeGreaterThanOrEqual(now.from);
      }
      if (!moved) continue;
      if (item.place === 'leased') this.#reclaim(item);
      else item.place = 'ready';
    }
  }

  claim(id: string, token: number, deadline: Moment): ReferenceItem {
    const item = this.items.get(id);
    expect(item, `${id} was claimed and is not there`).toBeDefined();
    expect(item!.place, `${id} was claimed from the wrong place`).toBe('ready');
    expect(token, 'tokens rise').toBeGreaterThan(this.#lastToken);
    this.#lastToken = token;
    Object.assign(item!, { place: 'leased', token, at: deadline });
    item!.deliveries += 1;
    return item!;
  }

  cancel(id: string): 'cancelled' | 'cancelling' | 'not-found' {
    const item = this.items.get(id);
    if (item === undefined || item.place === 'dead') return 'not-found';
    if (item.place === 'leased') {
      item.cancelled = true;
      return 'cancelling';
    }
    this.totals.cancelled += 1;
    this.items.delete(id);
    return 'cancelled';
  }

  redrive(id: string): boolean {
    const item = this.items.get(id);
    if (item?.place !== 'dead') return false;
    this.totals.redriven += 1;
    Object.assign(item, { place: 'ready', deliveries: 0, attempts: 0 });
    return true;
  }

  drop(id: string): boolean {
    if (this.items.get(id)?.place !== 'dead') return false;
    return this.items.delete(id);
  }

  /** Everything that was claimed from `before` to `after` was claimed in order of level. */
  ready(): ReferenceItem[] {
    return [...this.items.values()].filter(({ place }) => place === 'ready');
  }

  assertSame(observed: ReadonlyMap<string, ObservedItem>, stats: EngineStats): void {
    const expected = new Map(
      Array.from(this.items.values(), ({ id, place, token, deliveries, attempts }) => [
        id,
        { place, token: place === 'leased' ? token : undefined, deliveries, attempts },
      ]),
    );
    expect(Object.fromEntries(observed)).toEqual(Object.fromEntries(expected));
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
    });
  }

  #fail(item: ReferenceItem): void {
    item.attempts += 1;
    this.totals.failed += 1;
  }

  #die(item: ReferenceItem): void {
    item.place = 'dead';
    this.totals.died += 1;
  }

  #endCancelled(item: ReferenceItem): boolean {
    if (!item.cancelled) return false;
    this.totals.cancelled += 1;
    return this.items.delete(item.id);
  }

  #goBack(item: ReferenceItem, delayMs: number, now: Moment): void {
    if (this.#endCancelled(item)) return;
    item.place = delayMs > 0 ? 'delayed' : 'ready';
    item.at = later(now, delayMs);
  }

  #reclaim(item: ReferenceItem): void {
    this.totals.reclaimed += 1;
    if (this.#endCancelled(item)) return;
    if (item.deliveries >= this.#maxDeliveries) this.#die(item);
    else item.place = 'ready';
  }
}
