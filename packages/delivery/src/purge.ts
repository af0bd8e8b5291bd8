import type { Redis } from '@lockstep/redis';
import type { PartitionAccess } from './by-partition.ts';
import type { ItemState } from './item.ts';
import { listItems } from './listing.ts';

/**
 * Removes items of a state. Lists first and removes then, so that what moves on meanwhile is left alone: an item is
 * dropped only if it is still in that state.
 */
export async function purgeItems(
  partitions: readonly PartitionAccess[],
  redis: Redis,
  {
    state,
    olderThanMs = 0,
  }: { readonly state: Exclude<ItemState, 'leased'>; readonly olderThanMs?: number | undefined },
): Promise<number> {
  const latest = (await redis.time()) - olderThanMs;
  let dropped = 0;
  for (const { store, lanes } of partitions) {
    const doomed: string[] = [];
    for await (const slice of listItems([store], { state })) {
      for (const { id, at, enqueuedAt } of slice) {
        if ((state === 'dead' ? at! : enqueuedAt) <= latest) doomed.push(id);
      }
    }
    for (let from = 0; from < doomed.length; from += 200) {
      const ids = doomed.slice(from, from + 200);
      const results = await lanes.run((caller) => store.drop(caller, state, ids));
      dropped += results.filter(Boolean).length;
    }
  }
  return dropped;
}
