import { scriptCall, type ScriptCall } from '@lockstep/redis';
import type { Claim, RenewalItem } from './claim.ts';
import type { Place } from './place.ts';
import { tooNew } from './answer.ts';
import { renew, type RenewalReply } from './scripts/renew.ts';
import { renewalBatch } from './timing.ts';
import { late, within } from './within.ts';

/** One lease of a round at one place. */
export interface RenewalEntry {
  readonly claim: Claim;
  readonly ttlMs: number;
  /** Set the deadline even if it comes nearer. */
  readonly shorten: boolean;
}

interface Line {
  readonly entry: RenewalEntry;
  readonly item: RenewalItem;
}

/** What a place says of each lease, or that it did not say. */
export type PlaceReply = Extract<RenewalReply, string> | 'unknown';

/**
 * Renews leases at one place: one script for up to 100 of them, on Cluster one for each lock, all in one write. A lease
 * of several locks is as well as the worst of them.
 */
export async function renewAt(
  place: Place,
  entries: readonly RenewalEntry[],
  timeoutMs: number,
  onFailure: (error: unknown) => void,
): Promise<PlaceReply[]> {
  const lines = entries.flatMap((entry) => entry.claim.renewals(place).map((item) => ({ entry, item })));
  const batches = split(lines, place.redis.topology === 'cluster' ? 1 : renewalBatch);
  const sent = place.redis.runAll(batches.map(callFor), { timeoutMs });
  const settled = await within(place.redis.clock, sent, timeoutMs);
  const worst = new Map<RenewalEntry, PlaceReply>();
  batches.forEach((batch, index) => {
    const result = settled === late ? undefined : settled[index];
    if (result?.status === 'rejected') onFailure(result.reason);
    const replies = result?.status === 'fulfilled' ? (result.value as RenewalReply[]) : [];
    batch.forEach(({ entry }, at) => worst.set(entry, worse(worst.get(entry), read(replies[at], onFailure))));
  });
  return entries.map((entry) => worst.get(entry) ?? 'unknown');
}

/** A lease that is kept in a newer layout is not touched, so it is not known how it stands. */
function read(reply: RenewalReply | undefined, onFailure: (error: unknown) => void): PlaceReply {
  if (typeof reply !== 'object') return reply ?? 'unknown';
  onFailure(tooNew(reply.tooNew));
  return 'unknown';
}

const badness: Readonly<Record<PlaceReply, number>> = { renewed: 0, unknown: 1, missing: 2, foreign: 3 };

function worse(one: PlaceReply | undefined, other: PlaceReply): PlaceReply {
  return one === undefined || badness[other] > badness[one] ? other : one;
}

function callFor(batch: readonly Line[]): ScriptCall {
  const restKeys: string[] = [];
  const restArgs: (string | number)[] = [];
  for (const { entry, item } of batch) {
    restKeys.push(...item.keys);
    restArgs.push(item.mode, item.member, item.owner, entry.ttlMs, entry.claim.durable ? '1' : '0');
    restArgs.push(entry.shorten ? '1' : '0');
  }
  return scriptCall(renew, {}, {}, { restKeys, restArgs });
}

function split<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let at = 0; at < items.length; at += size) batches.push(items.slice(at, at + size));
  return batches;
}
