import { byKey, operationsOf } from './history.ts';
import type { History, Operation } from './history.ts';

/** A time during which a holder believed that it held the lease. */
export interface Holding {
  readonly process: string;
  readonly key: string;
  readonly token: number | undefined;
  readonly from: number;
  readonly until: number;
  readonly weight: number;
  /** When it was asked for. */
  readonly askedAt: number;
}

export type ExclusiveViolation =
  | {
      readonly kind: 'overlap';
      readonly key: string;
      readonly at: number;
      readonly holdings: readonly Holding[];
    }
  | { readonly kind: 'token'; readonly key: string; readonly earlier: Holding; readonly later: Holding };

export interface ExclusiveReport {
  readonly valid: boolean;
  /** How many grants were checked: a zero of violations means nothing without it. */
  readonly grants: number;
  readonly violations: readonly ExclusiveViolation[];
}

export interface CheckExclusiveOptions {
  /** How much weight may be held at once: 1 for a lock, more for a semaphore. @defaultValue 1 */
  readonly permits?: number | undefined;
  /** What a grant weighs, for example all permits for a writer and 1 for a reader. @defaultValue 1 */
  readonly weight?: ((acquire: Operation) => number) | undefined;
}

/**
 * Checks that leases of one key never overlapped and that their tokens rose: a grant that was asked for after another
 * had been given has the larger token. O(n log n).
 *
 * Reads `acquire` (`ok` with `token` and `until`), `extend` (`ok` with the same `token` and the new `until`), and
 * `release` or `lost` (their invocation, with the `token`). A holding lasts from the reply to its `acquire` to the
 * earliest of release, loss and its last `until`; without any of them it never ends.
 */
export function checkExclusive(history: History, options: CheckExclusiveOptions = {}): ExclusiveReport {
  const { permits = 1, weight = () => 1 } = options;
  const violations: ExclusiveViolation[] = [];
  let grants = 0;
  for (const [key, operations] of byKey(operationsOf(history))) {
    const holdings = holdingsOf(operations, weight);
    grants += holdings.length;
    violations.push(...overlaps(key, holdings, permits), ...tokenDisorder(key, holdings));
  }
  return { valid: violations.length === 0, grants, violations };
}

/** What a holder saw of one lease, in the order in which it saw it. */
interface Sighting {
  readonly at: number;
  readonly operation: Operation;
}

type OpenHolding = { -readonly [Name in keyof Holding]: Holding[Name] };

function holdingsOf(operations: readonly Operation[], weight: (acquire: Operation) => number): Holding[] {
  const open = new Map<string, OpenHolding[]>();
  const holdings: Holding[] = [];
  for (const { at, operation } of sightings(operations)) {
    // Without tokens a process holds a key once at a time.
    const holder = `${operation.process} ${operation.token ?? ''}`;
    const mine = open.get(holder) ?? [];
    open.set(holder, mine);
    if (operation.f === 'acquire') {
      const holding = { ...startOf(operation), weight: weight(operation) };
      mine.push(holding);
      holdings.push(holding);
    } else if (operation.f === 'extend') {
      for (const holding of mine) holding.until = operation.until ?? holding.until;
    } else {
      for (const holding of mine.splice(0)) holding.until = Math.min(holding.until, at);
    }
  }
  return holdings;
}

/** A grant counts from its reply; a holder gives up a lease before it asks for its release. */
function sightings(operations: readonly Operation[]): Sighting[] {
  const seen: Sighting[] = [];
  for (const operation of operations) {
    const { f, type, invokedAt, completedAt } = operation;
    if (f === 'release' || f === 'lost') seen.push({ at: invokedAt, operation });
    else if ((f === 'acquire' || f === 'extend') && type === 'ok') seen.push({ at: completedAt, operation });
  }
  return seen.sort((a, b) => a.at - b.at);
}

function startOf({ process, key, token, completedAt, until, invokedAt }: Operation): Omit<Holding, 'weight'> {
  return { process, key, token, from: completedAt, until: until ?? Infinity, askedAt: invokedAt };
}

interface Edge {
  readonly at: number;
  readonly holding: Holding;
  readonly starts: boolean;
}

function* overlaps(
  key: string,
  holdings: readonly Holding[],
  permits: number,
): Generator<ExclusiveViolation> {
  const edges: Edge[] = [];
  for (const holding of holdings) {
    // Granted too late to be of use: the holder was told after the end, and never believed that it held.
    if (holding.until <= holding.from) continue;
    edges.push({ at: holding.from, holding, starts: true }, { at: holding.until, holding, starts: false });
  }
  edges.sort((a, b) => a.at - b.at || Number(a.starts) - Number(b.starts));
  const held = new Set<Holding>();
  let weight = 0;
  for (const { at, holding, starts } of edges) {
    if (starts) held.add(holding);
    else held.delete(holding);
    weight += starts ? holding.weight : -holding.weight;
    if (starts && weight > permits) yield { kind: 'overlap', key, at, holdings: [...held] };
  }
}

function* tokenDisorder(key: string, holdings: readonly Holding[]): Generator<ExclusiveViolation> {
  const told = holdings.filter(({ token }) => token !== undefined);
  const byAsk = [...told].sort((a, b) => a.askedAt - b.askedAt);
  const byGrant = [...told].sort((a, b) => a.from - b.from);
  let granted = 0;
  let highest: Holding | undefined;
  for (const later of byAsk) {
    for (
      let next = byGrant[granted];
      next !== undefined && next.from < later.askedAt;
      next = byGrant[++granted]
    ) {
      if (highest === undefined || next.token! > highest.token!) highest = next;
    }
    if (highest !== undefined && later.token! <= highest.token!) {
      yield { kind: 'token', key, earlier: highest, later };
    }
  }
  yield* doubleTokens(key, told);
}

/** Two grants that ran at the same time may come in either order, but never with the same token. */
function* doubleTokens(key: string, holdings: readonly Holding[]): Generator<ExclusiveViolation> {
  const seen = new Map<number, Holding>();
  for (const later of holdings) {
    const earlier = seen.get(later.token!);
    if (earlier !== undefined && later.askedAt <= earlier.from) yield { kind: 'token', key, earlier, later };
    seen.set(later.token!, later);
  }
}
