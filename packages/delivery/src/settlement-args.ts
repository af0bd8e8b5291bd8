import { assertDelay } from './options.ts';
import type { ClaimedItem } from './claimed-item.ts';
import type { Settlement } from './item.ts';

/**
 * A settlement in the form that `lua/settle.ts` documents. Numbers are checked here: a script that fails half-way has
 * already ended the lease.
 *
 * @throws CONFIGURATION
 */
export function settlementArgs(item: ClaimedItem, settlement: Settlement): (string | number)[] {
  const { id, fencingToken } = item;
  switch (settlement.type) {
    case 'complete': {
      const { keepMs = 0, result } = settlement;
      // Nothing but record and state is stored of an item at its first claim: the least there is to erase.
      if (item.fresh && keepMs === 0 && result === undefined) return ['c', id, fencingToken];
      return ['C', id, fencingToken, assertDelay('settlement.keepMs', keepMs), optional(result)];
    }
    case 'retry': {
      const delayMs = assertDelay('settlement.delayMs', settlement.delayMs);
      return ['r', id, fencingToken, delayMs, optional(settlement.error ?? '')];
    }
    case 'dead':
      return ['d', id, fencingToken, settlement.reason, optional(settlement.error)];
    case 'release':
      return ['b', id, fencingToken, assertDelay('settlement.delayMs', settlement.delayMs ?? 0)];
  }
}

function optional(value: string | undefined): string {
  return value === undefined ? '' : `=${value}`;
}
