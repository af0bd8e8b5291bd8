import type { Logger } from '@lockstep/core';
import { createLocks, type Locks, type LocksOptions } from '@lockstep/lock';
import type { Redis } from '@lockstep/redis';
import { eventually, type BehaviourHarness } from '@lockstep/testing';
import { afterAll, beforeAll } from 'vitest';

const nothing = (): void => {};

/** What is lost here is lost on purpose. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Locks of two processes on one Redis. */
export interface TwoProcesses {
  readonly ours: Locks;
  readonly theirs: Locks;
  readonly redis: Redis;
  readonly theirRedis: Redis;
  /** More locks on the first connection; closed at the end. */
  more(options?: Omit<LocksOptions, 'redis'>): Locks;
}

const connections = new WeakMap<BehaviourHarness, Promise<[Redis, Redis]>>();

/** Two connections for all suites of a harness, which closes them. */
function connectionsOf(harness: BehaviourHarness): Promise<[Redis, Redis]> {
  const known = connections.get(harness) ?? Promise.all([harness.connect(), harness.connect()]);
  connections.set(harness, known);
  return known;
}

/** Makes locks on two connections before the cases of a suite and closes the locks after them. */
export function twoProcesses(harness: BehaviourHarness): TwoProcesses {
  const opened: Locks[] = [];
  const set: { -readonly [Name in keyof TwoProcesses]?: TwoProcesses[Name] } = {};
  beforeAll(async () => {
    [set.redis, set.theirRedis] = await connectionsOf(harness);
    set.ours = createLocks({ redis: set.redis, logger: silent });
    set.theirs = createLocks({ redis: set.theirRedis, logger: silent });
    opened.push(set.ours, set.theirs);
  });
  afterAll(async () => {
    await Promise.all(opened.map((locks) => locks.close({ drainMs: 0, abortMs: 0 })));
  });
  set.more = (options) => {
    const locks = createLocks({ redis: set.redis!, logger: silent, ...options });
    opened.push(locks);
    return locks;
  };
  return set as TwoProcesses;
}

/** Lets what is under way, and needs no time to pass, come to rest. */
export async function settle(harness: BehaviourHarness): Promise<void> {
  await harness.advance(harness.real ? 50 : 0);
}

/**
 * What a message brings about, without time passing. A busy machine may take its time with the message: far less than
 * anything that would otherwise bring it about.
 */
export async function soon(harness: BehaviourHarness, check: () => void): Promise<void> {
  await settle(harness);
  await eventually(check, { timeoutMs: harness.real ? 1_000 : 0 });
}

/** Whether a promise is still open after all that needs no time has happened. */
export async function isPending(harness: BehaviourHarness, promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await settle(harness);
  return !settled;
}

/** What a promise rejects with; fails when it does not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise did not reject');
}

/** Commands that the client has and its type, which names what Lockstep itself sends, does not. */
export interface RawCommands {
  hset(key: string, field: string, value: string): Promise<number>;
  hgetall(key: string): Promise<Record<string, string>>;
  llen(key: string): Promise<number>;
}

export function raw({ client }: Redis): RawCommands {
  return client as unknown as RawCommands;
}
