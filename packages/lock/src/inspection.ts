import { unmarkBody, type Codec } from '@lockstep/core';
import { inTime } from './answers.ts';
import { majority } from './claim.ts';
import type { MutexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { inspectMutex, type MutexState } from './scripts/inspect-mutex.ts';

/** A request that stands in line. */
export interface LockWaiter {
  /** The owner it would be. */
  readonly owner: string;
}

/** A lock that somebody holds. */
export interface HeldLock {
  readonly held: true;
  readonly name: string;
  /** The id of the grant, or the name of a re-entrant owner. */
  readonly owner: string;
  /** Undefined for a holder of another library. */
  readonly fencingToken: number | undefined;
  /** How long it lasts unless it is renewed; -1 for one that never expires. */
  readonly ttlMs: number;
  /** On the server's clock, in milliseconds; undefined for a holder of another library. */
  readonly acquiredAt: number | undefined;
  /** What the holder gave; undefined when it gave nothing. */
  readonly metadata: unknown;
  /** How often a re-entrant owner holds it; 0 for others. */
  readonly holds: number;
  /** First come first; the first 100. */
  readonly waiters: readonly LockWaiter[];
}

export type LockInspection =
  HeldLock | { readonly held: false; readonly name: string; readonly waiters: readonly LockWaiter[] };

/** One place's view of a lock. */
function inspectAt(place: Place, keys: MutexKeys): Promise<MutexState> {
  return place.redis.run(inspectMutex, keys, {});
}

/**
 * What all places together say: of a quorum, the owner that a majority names; nobody as soon as those that have not
 * answered could not make a majority for anyone.
 */
export async function inspectAll(
  places: readonly Place[],
  keysAt: (place: Place) => MutexKeys,
): Promise<MutexState> {
  const [first, ...others] = places as [Place, ...Place[]];
  if (others.length === 0) return inspectAt(first, keysAt(first));
  const need = majority(places.length);
  const views = places.map((place) => inTime(place, 'inspect', inspectAt(place, keysAt(place))));
  const states: MutexState[] = [];
  const failures: unknown[] = [];
  for await (const view of settledInOrder(views)) {
    if ('failure' in view) failures.push(view.failure);
    else states.push(view.value);
    const owned = agreed(states, need);
    if (owned) return owned;
    const open = places.length - states.length - failures.length;
    if (states.length >= need && mostVotes(states) + open < need) break;
  }
  if (states.length < need) throw failures[0];
  return { ...states[0]!, owner: undefined };
}

/** For the owner that most of these name. */
function mostVotes(states: readonly MutexState[]): number {
  const votes = states.map(({ owner }) =>
    owner === undefined ? 0 : states.filter((one) => one.owner === owner).length,
  );
  return Math.max(0, ...votes);
}

type Settled<T> = { readonly value: T } | { readonly failure: unknown };

/** Outcomes in the order in which they come. */
async function* settledInOrder<T>(promises: readonly Promise<T>[]): AsyncGenerator<Settled<T>> {
  const open = new Map(
    promises.map((promise, index) => [
      index,
      promise.then(
        (value) => ({ index, settled: { value } as Settled<T> }),
        (failure: unknown) => ({ index, settled: { failure } as Settled<T> }),
      ),
    ]),
  );
  while (open.size > 0) {
    const { index, settled } = await Promise.race(open.values());
    open.delete(index);
    yield settled;
  }
}

function agreed(states: readonly MutexState[], need: number): MutexState | undefined {
  for (const state of states) {
    const same = states.filter(({ owner }) => owner === state.owner);
    if (state.owner === undefined || same.length < need) continue;
    // A holder of another library has none.
    const tokens = same.flatMap(({ fencingToken }) => fencingToken ?? []);
    const ttlMs = Math.min(...same.map((one) => one.ttlMs));
    return { ...state, ttlMs, fencingToken: tokens.length === 0 ? undefined : Math.max(...tokens) };
  }
  return undefined;
}

export function describeLock(name: string, state: MutexState, codec: Codec): LockInspection {
  const waiters = state.waiters.map(waiterOf);
  if (state.owner === undefined) return { held: false, name, waiters };
  const { owner, fencingToken, ttlMs, holds, metadata, now } = state;
  return {
    held: true,
    name,
    owner,
    fencingToken,
    ttlMs,
    // A token is the server's time of its grant in microseconds, unless the clock had stepped back before.
    acquiredAt: fencingToken === undefined ? undefined : Math.min(Math.floor(fencingToken / 1_000), now),
    metadata: decodeMetadata(metadata, codec),
    holds,
    waiters,
  };
}

export function decodeMetadata(metadata: string | undefined, codec: Codec): unknown {
  return metadata === undefined ? undefined : codec.decode(unmarkBody(metadata));
}

/** A waiter's record is its process's channel and its request. */
export function waiterOf(record: string): LockWaiter {
  return { owner: record.slice(record.indexOf(' ') + 1) };
}
