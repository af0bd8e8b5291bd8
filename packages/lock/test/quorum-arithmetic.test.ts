import { describe, expect, it } from 'vitest';
import { PermitClaim } from '../src/permit-claim.ts';

/** How many votes of `nodes` masters a holder of one of `permits` needs. */
function quorumOf(nodes: number, permits: number): number {
  const base = { name: 'n', id: 'i', ttlMs: 1_000, durable: false, metadata: '', count: 1 };
  return new PermitClaim({ ...base, kind: 'semaphore', permits }).quorum(nodes);
}

/**
 * Each node gives its permits to the first that ask: with one contender more than there are permits it leaves out one,
 * any one, depending on the order in which requests arrive. Goes through all of those outcomes, and tells the largest
 * number of contenders that reached `quorum`.
 */
function mostHolders(nodes: number, permits: number, quorum: number): number {
  const contenders = permits + 1;
  let most = 0;
  for (let outcome = 0; outcome < contenders ** nodes; outcome += 1) {
    const votes = Array.from({ length: contenders }, () => nodes);
    for (let node = 0, rest = outcome; node < nodes; node += 1, rest = Math.floor(rest / contenders)) {
      votes[rest % contenders]! -= 1;
    }
    most = Math.max(most, votes.filter((count) => count >= quorum).length);
  }
  return most;
}

const cases = [1, 2, 3, 4, 5].flatMap((nodes) => [1, 2, 3, 4].map((permits) => [nodes, permits] as const));

describe('the quorum of a semaphore', () => {
  it.each(cases)('over %i masters never admits more than %i, in any order of arrival', (nodes, permits) => {
    expect(mostHolders(nodes, permits, quorumOf(nodes, permits))).toBeLessThanOrEqual(permits);
  });

  it.each(cases)('over %i masters with %i permits is no larger than that needs', (nodes, permits) => {
    const quorum = quorumOf(nodes, permits);
    expect(quorum).toBeLessThanOrEqual(nodes);
    // With one vote less the masters together could admit one holder too many.
    expect(Math.floor((nodes * permits) / (quorum - 1))).toBeGreaterThan(permits);
  });

  it('is not the majority: that admits three holders of two permits on three masters', () => {
    expect(mostHolders(3, 2, 2)).toBe(3);
    expect(quorumOf(3, 2)).toBe(3);
  });

  it('is the majority for one permit', () => {
    expect([1, 2, 3, 4, 5].map((nodes) => quorumOf(nodes, 1))).toEqual([1, 2, 2, 3, 3]);
  });
});

describe('the quorum of a read-write lock', () => {
  it('is the majority: that of a writer meets that of every reader', () => {
    const base = { name: 'n', id: 'i', ttlMs: 1_000, durable: false, metadata: '', count: 1 };
    const claim = new PermitClaim({ ...base, kind: 'read-write', permits: 1_000_000_000 });
    expect([1, 2, 3, 4, 5].map((nodes) => claim.quorum(nodes))).toEqual([1, 2, 2, 3, 3]);
  });
});
