import { LeaseLostError } from '@lockstep/core';
import { fenceKeepMs, type Claim } from './claim.ts';
import type { LeaseState } from './lease-state.ts';
import type { Place } from './place.ts';
import { raiseFence } from './scripts/raise-fence.ts';

/** Raises the counters behind a claim to `token` at one place. False when the claim is not held there. */
export async function raiseAt(place: Place, claim: Claim, token: number): Promise<boolean> {
  const raised = claim.renewals(place).map(({ mode, keys, member, owner }) => {
    const [primary, members, fence, meta] = keys;
    const args = { mode, member, owner, token, keep_ms: fenceKeepMs(claim, claim.ttlMs) };
    return place.redis.run(raiseFence, { primary, members, fence, meta }, args);
  });
  return (await Promise.all(raised)).every(Boolean);
}

/** Raises the counters of a lease that is held, at the places that keep it. Throws `LeaseLostError` when none does. */
export async function raiseToken(places: readonly Place[], lease: LeaseState, token: number): Promise<void> {
  if (token === lease.fencingToken) return;
  const raised = await Promise.all(places.map((place) => raiseAt(place, lease.claim, token)));
  if (raised.includes(true)) return;
  throw new LeaseLostError({ lease: lease.claim.name, fencingToken: lease.fencingToken, reason: 'refused' });
}
