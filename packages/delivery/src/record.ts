import type { ItemFailure, ItemState, ItemView, Priority } from './item.ts';
import type { StoredDetails, StoredItem } from './scripts/read.ts';
import { type DeadItem, type ItemDetails } from './item.ts';

const levels: Readonly<Record<string, Priority>> = { c: 'critical', h: 'high', n: 'normal', l: 'low' };

export interface ItemRecord {
  readonly priority: Priority;
  readonly enqueuedAt: number;
  readonly expiresAt: number | undefined;
  /** The item's own length of a lease. */
  readonly visibilityMs: number | undefined;
  readonly body: string;
}

/** Reads the field `<id>`. */
export function parseRecord(record: string): ItemRecord {
  const afterPlace = record.indexOf(' ');
  const afterTime = record.indexOf(' ', afterPlace + 1);
  const afterOptions = record.indexOf(' ', afterTime + 1);
  const plain = afterOptions === afterTime + 2;
  const options = plain ? '' : record.slice(afterTime + 1, afterOptions);
  return {
    priority: levels[record.charAt(1)]!,
    enqueuedAt: Number(record.slice(afterPlace + 1, afterTime)),
    expiresAt: plain ? undefined : optionOf(options, /e(\d+),/),
    visibilityMs: plain ? undefined : optionOf(options, /v(\d+),/),
    body: record.slice(afterOptions + 1),
  };
}

function optionOf(options: string, pattern: RegExp): number | undefined {
  const value = pattern.exec(options)?.[1];
  return value === undefined ? undefined : Number(value);
}

export interface LeaseState {
  readonly token: number;
  readonly deliveries: number;
  readonly attempts: number;
  readonly worker: string | undefined;
}

const unclaimed: LeaseState = { token: 0, deliveries: 0, attempts: 0, worker: undefined };

/** Reads the field `<id>{s}`. */
export function parseState(state: string): LeaseState {
  if (state === '') return unclaimed;
  const [, token, deliveries, attempts, , worker] = state.split(' ');
  return {
    token: Number(token),
    deliveries: Number(deliveries),
    attempts: Number(attempts),
    worker: worker === '' ? undefined : worker,
  };
}

/** Reads a `1<at> <text>` field: a failure, or the reason of a death. */
function parseStamped(field: string): { at: number; text: string } {
  const cut = field.indexOf(' ');
  return { at: Number(field.slice(1, cut)), text: field.slice(cut + 1) };
}

const statuses = { c: 'completed', x: 'cancelled', e: 'expired' } as const;

/** Whether a record is the outcome of an item that is over. */
function isOutcome(record: string): boolean {
  return record.charAt(1) === '=';
}

/** Reads an outcome. */
export function parseOutcome(field: string): {
  status: 'completed' | 'cancelled' | 'expired';
  at: number;
  result: string | undefined;
} {
  const [mark, at, until] = field.split(' ', 3) as [string, string, string];
  const result = field.slice(mark.length + at.length + until.length + 3);
  return {
    status: statuses[mark.charAt(2) as keyof typeof statuses],
    at: Number(at),
    result: result === '' ? undefined : result.slice(1),
  };
}

/** The ring of failure fields, oldest first. */
export function parseFailures(fields: readonly string[]): readonly ItemFailure[] {
  return fields
    .map(parseStamped)
    .map(({ at, text }) => ({ at, error: text }))
    .sort((a, b) => a.at - b.at);
}

export function viewOf(item: StoredItem, where: ItemState, partition: number): ItemView {
  // Of an item that is over only the outcome is left.
  const ended = isOutcome(item.record) ? parseOutcome(item.record) : undefined;
  const record = ended === undefined ? parseRecord(item.record) : undefined;
  const state = parseState(item.state);
  return {
    id: item.id,
    state: where,
    partition,
    body: record?.body ?? '',
    priority: record?.priority ?? 'normal',
    enqueuedAt: record?.enqueuedAt ?? ended!.at,
    expiresAt: record?.expiresAt,
    at: item.score === '' ? undefined : Number(item.score),
    deliveries: state.deliveries,
    attempts: state.attempts,
    worker: state.worker,
    fencingToken: state.token === 0 ? undefined : state.token,
  };
}

export function detailsOf(item: StoredDetails, partition: number): ItemDetails {
  return {
    ...viewOf(item, item.where, partition),
    history: parseFailures(item.failures),
    cancelled: item.cancelled,
    progress: item.progress,
    checkpoint: item.checkpoint,
    dead: item.dead === '' ? undefined : deathOf(item.dead),
  };
}

export function deathOf(field: string): DeadItem['dead'] {
  const { at, text } = parseStamped(field);
  return { at, reason: text };
}
