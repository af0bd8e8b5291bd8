/** The waiting lease: a waiter without a sign of life for this long is dropped from the line when its turn comes. */
export const patienceMs = 10_000;

/**
 * How long a waiter that was rung may take to come before the next one is let past it. A frozen process delays the line
 * by this much, so it stays under a second; a pause of the garbage collector must fit into it.
 */
export const graceMs = 800;

/** A holder of another library rings nobody when it releases; the first in line looks this often. */
export const foreignPollMs = 250;

/** Of so many waiters that were heard of last, one sees to it that the first comes when it is rung. */
export const lookoutCandidates = 4;

/** A lookout looks this much after the grace of the ring that it was told of, and so sees to all that were rung so long after. */
export const lookoutMs = 50;

/** A waiter further back looks this much later than the one before it, so that one of them finds an expired lock. */
export const staggerMs = 100;

/** Behind this place a waiter does not look for the holder's expiry: those before it do. */
export const lookoutPositions = 3;

const dayMs = 24 * 60 * 60 * 1_000;

/** A fencing counter is kept at least this long after its lock's last use. */
export const fenceRetentionMs = 7 * dayMs;

/** A process that goes on using a lock says so no more often than this: the counter is kept that much longer. */
export const fenceTouchMs = dayMs;

/** After a lock was found busy, or something is told of it, attempts go straight to the whole script for so long. */
export const crowdedMs = 5_000;

/** A request that was given up is refused at least this long. */
export const givenUpRetentionMs = 60_000;

/** The part of the time to live that a node of a quorum has for its answer, so that a slow one does not eat the validity. */
const nodeShare = 0.05;
const shortestNodeDeadlineMs = 50;

/** How long a node of a quorum has for a vote on a lease of `ttlMs`. */
export function nodeDeadline(ttlMs: number): number {
  return Math.max(shortestNodeDeadlineMs, ttlMs * nodeShare);
}

/** How many leases one renewal script carries. */
export const renewalBatch = 100;
