import { operationsOf } from './history.ts';
import type { History, Operation } from './history.ts';

export interface DeliveryReport {
  /** Nothing lost, nothing unexpected and, unless allowed, nothing duplicated. */
  readonly valid: boolean;
  readonly attempted: number;
  readonly acknowledged: number;
  readonly delivered: number;
  /** Acknowledged but never delivered. */
  readonly lost: readonly string[];
  /** Delivered although never sent, or although sending it failed for certain. */
  readonly unexpected: readonly string[];
  /** Delivered more often than sent. */
  readonly duplicated: readonly string[];
  /** Delivered although nobody knew how sending it went. */
  readonly recovered: readonly string[];
}

export interface CheckDeliveryOptions {
  /** The operation that puts something in; its argument is the id. @defaultValue 'send' */
  readonly send?: string | undefined;
  /** The operation that takes something out; its result, or else its argument, is the id. @defaultValue 'receive' */
  readonly receive?: string | undefined;
  /** Whether duplicates are legal, as in at-least-once delivery. They are listed in any case. @defaultValue false */
  readonly allowDuplicates?: boolean | undefined;
}

/**
 * Compares what was sent with what was received, as multisets; read it after everything was drained. A send with an
 * unknown outcome may be recovered, and is never lost. A receive with an unknown outcome counts as a delivery, but not
 * as a duplicate. O(n).
 */
export function checkDelivery(history: History, options: CheckDeliveryOptions = {}): DeliveryReport {
  const { send = 'send', receive = 'receive', allowDuplicates = false } = options;
  const operations = operationsOf(history);
  const sends = operations.filter(({ f }) => f === send);
  const receives = operations.filter(({ f, type }) => f === receive && type !== 'fail');
  const possible = countBy(
    sends.filter(({ type }) => type !== 'fail'),
    sentId,
  );
  const acknowledged = countBy(
    sends.filter(({ type }) => type === 'ok'),
    sentId,
  );
  const delivered = countBy(receives, receivedId);
  const certain = countBy(
    receives.filter(({ type }) => type === 'ok'),
    receivedId,
  );

  const lost = idsWhere(acknowledged, (id, times) => times > (delivered.get(id) ?? 0));
  const unexpected = idsWhere(delivered, (id) => !possible.has(id));
  const duplicated = idsWhere(certain, (id, times) => times > (possible.get(id) ?? times));
  const recovered = idsWhere(delivered, (id) => possible.has(id) && !acknowledged.has(id));
  return {
    valid: lost.length + unexpected.length === 0 && (allowDuplicates || duplicated.length === 0),
    attempted: sends.length,
    acknowledged: sum(acknowledged),
    delivered: sum(delivered),
    lost,
    unexpected,
    duplicated,
    recovered,
  };
}

const sentId = ({ input }: Operation): string => String(input);
const receivedId = ({ input, output }: Operation): string => String(output ?? input);

function countBy(
  operations: readonly Operation[],
  idOf: (operation: Operation) => string,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const operation of operations) counts.set(idOf(operation), (counts.get(idOf(operation)) ?? 0) + 1);
  return counts;
}

function idsWhere(
  counts: ReadonlyMap<string, number>,
  test: (id: string, times: number) => boolean,
): string[] {
  return [...counts].filter(([id, times]) => test(id, times)).map(([id]) => id);
}

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const times of counts.values()) total += times;
  return total;
}
