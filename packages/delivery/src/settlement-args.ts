import type { ScriptArgument } from '@lockstep/redis';
import type { ClaimedItem } from './claimed-item.ts';
import type { Settlement } from './item.ts';
import { assertDelay } from './options.ts';

/**
 * Adds a settlement in the form that `lua/settle.ts` documents. Numbers are checked here: a script that fails half-way
 * has already ended the lease.
 *
 * @throws CONFIGURATION; nothing was added then.
 */
export function appendSettlement(args: ScriptArgument[], item: ClaimedItem, settlement: Settlement): void {
  const { id, fencingToken } = item;
  switch (settlement.type) {
    case 'complete': {
      const { keepMs = 0, result } = settlement;
      // Nothing but record and state is stored of an item at its first claim: the least there is to erase.
      if (item.fresh && keepMs === 0 && result === undefined) args.push('c', id, fencingToken);
      else args.push('C', id, fencingToken, assertDelay('settlement.keepMs', keepMs), optional(result));
      return;
    }
    case 'retry': {
      const delayMs = assertDelay('settlement.delayMs', settlement.delayMs);
      args.push('r', id, fencingToken, delayMs, optional(settlement.error ?? ''));
      return;
    }
    case 'dead':
      args.push('d', id, fencingToken, settlement.reason, optional(settlement.error));
      return;
    case 'release':
      args.push('b', id, fencingToken, assertDelay('settlement.delayMs', settlement.delayMs ?? 0));
  }
}

function optional(value: string | undefined): string {
  return value === undefined ? '' : `=${value}`;
}
