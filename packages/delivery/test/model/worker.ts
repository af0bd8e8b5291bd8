import type { Settlement } from '../../src/item.ts';
import { parseState } from '../../src/record.ts';
import type { Claim, TurnReply } from '../../src/scripts/turn.ts';
import type { TurnRequest } from '../../src/store.ts';

export interface Lease {
  readonly id: string;
  readonly token: number;
  /** Nothing is stored of its item but record and state. */
  fresh: boolean;
}

/** A numbered caller. */
export interface Caller {
  readonly id: string;
  seq: number;
  acked: number;
  /** Claimed by a call that was given up: Redis takes them back with the next one. */
  unknown: Lease[];
  readonly turns: TurnRequest[];
}

/** A process that takes turns by two callers, as a consumer's loop does. */
export class Worker {
  readonly callers: readonly [Caller, Caller];
  held: Lease[] = [];
  /** A bell of it may be there. */
  armed = false;
  /** It has taken turns. */
  started = false;
  /** The last turn found too little: the worker sleeps until its bell rings or `knownDue` comes. */
  sleeps = false;
  knownDue = Infinity;

  constructor(id: string) {
    this.callers = [createCaller(id), createCaller(`${id}~`)];
  }

  get bell(): string {
    return this.callers[0].id;
  }
}

function createCaller(id: string): Caller {
  return { id, seq: 0, acked: 0, unknown: [], turns: [] };
}

export function leaseOf(claim: Claim): Lease {
  return { id: claim.id, token: tokenOf(claim), fresh: isFresh(claim) };
}

function tokenOf(claim: Claim): number {
  return isFresh(claim) ? Number(claim.state) : parseState(claim.state).token;
}

/** Whether the script says that nothing but record and state is stored of it. */
function isFresh({ state }: Claim): boolean {
  return !state.includes(' ');
}

const letters = { complete: 'c', retry: 'r', dead: 'd', release: 'b' } as const;

export function settlementArgs({ id, token, fresh }: Lease, settlement: Settlement): (string | number)[] {
  const letter = letters[settlement.type];
  switch (settlement.type) {
    case 'complete': {
      if (fresh && settlement.keepMs === undefined) return ['c', id, token];
      return ['C', id, token, settlement.keepMs ?? 0, optional(settlement.result)];
    }
    case 'retry':
      return [letter, id, token, settlement.delayMs, optional(settlement.error)];
    case 'dead':
      return [letter, id, token, settlement.reason, optional(settlement.error)];
    case 'release':
      return [letter, id, token, settlement.delayMs ?? 0];
  }
}

function optional(value: string | undefined): string {
  return value === undefined ? '' : `=${value}`;
}

/** What the two replies of a turn that was sent twice have in common. */
export function briefly({ accepted, claims }: TurnReply): unknown {
  return {
    accepted,
    claims: claims.map((claim) => ({ id: claim.id, record: claim.record, token: tokenOf(claim) })),
  };
}
