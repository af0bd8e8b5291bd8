/**
 * The only place that builds keys. A lock key is bare, so that the `redlock` packages and we mean the same key; Redis
 * Cluster hashes it as a whole, and `{<lock key>}` as the tag of a companion hashes to the same slot. Names cannot hold
 * braces, so no companion is ever taken for a lock.
 */

/** What a queue of waiters needs beside the thing they wait for. */
export interface QueueKeys {
  /** List of waiters, first come first. */
  readonly waiters: string;
  /** Sorted set: waiter -> end of its waiting lease. */
  readonly alive: string;
  /** Sorted set: finished request -> until when it is refused. Only of requests that may still arrive. */
  readonly gone: string;
}

export interface MutexKeys extends QueueKeys {
  /** STRING: the owner. */
  readonly lock: string;
  /** The counter behind the fencing tokens. */
  readonly fence: string;
  /** Hash, present where there is something to tell: layout, and the holder's metadata. */
  readonly meta: string;
  /** Sorted set: hold of a re-entrant owner -> its deadline. */
  readonly holds: string;
}

export interface PermitKeys extends QueueKeys {
  /** Sorted set: holder -> its deadline. */
  readonly holders: string;
  /** Hash: holder -> what it holds beyond one permit, and its metadata. */
  readonly extras: string;
  /** Hash: waiter -> how many permits it wants, of how many. */
  readonly wants: string;
  readonly fence: string;
  readonly meta: string;
}

export interface LatchKeys {
  /** Hash: layout, total, left. */
  readonly latch: string;
  readonly waiters: string;
  readonly alive: string;
}

function companions(tag: string): MutexKeys {
  return {
    lock: tag,
    fence: `${tag}:fence`,
    waiters: `${tag}:waiters`,
    alive: `${tag}:alive`,
    gone: `${tag}:gone`,
    meta: `${tag}:meta`,
    holds: `${tag}:holds`,
  };
}

/** Of the lock whose key is `lock`. */
export function mutexKeys(lock: string): MutexKeys {
  return { ...companions(`{${lock}}`), lock };
}

/** The lock that a leader holds: apart from the mutex of the same name. */
export function electionKeys(lock: string): MutexKeys {
  return companions(`{${lock}}:leader`);
}

/** Of a semaphore or a read-write lock: each apart from the mutex of the same name. */
export function permitKeys(lock: string, kind: 'semaphore' | 'read-write'): PermitKeys {
  const tag = `{${lock}}:${kind}`;
  return {
    holders: `${tag}:holders`,
    extras: `${tag}:extras`,
    wants: `${tag}:wants`,
    fence: `${tag}:fence`,
    waiters: `${tag}:waiters`,
    alive: `${tag}:alive`,
    gone: `${tag}:gone`,
    meta: `${tag}:meta`,
  };
}

export function latchKeys(lock: string): LatchKeys {
  const tag = `{${lock}}:latch`;
  return { latch: tag, waiters: `${tag}:waiters`, alive: `${tag}:alive` };
}

/** Where a leader's comings and goings are told. Starts with the connection's prefix, as an ACL wants it. */
export function electionChannel(lock: string): string {
  return `${lock}:leader`;
}

/** One bucket of the index of locks: names in order, and until when each may be held. */
export function indexKeys(lockPrefix: string, bucket: number): { names: string; ends: string } {
  const tag = `{${lockPrefix}index:${bucket}}`;
  return { names: `${tag}:names`, ends: `${tag}:ends` };
}

/** The guarded value of a name, and the highest token that wrote it. */
export function fencedKeys(connectionPrefix: string, name: string): { value: string; token: string } {
  const tag = `{${connectionPrefix}fenced:${name}}`;
  return { value: `${tag}:value`, token: `${tag}:token` };
}
