import type { Closeable, ErrorHandler, Logger } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import type { Consumer, ConsumerOptions } from './consumer-options.ts';
import type { Delivery } from './delivery.ts';
import type {
  DeadItem,
  EnqueueResult,
  ItemDetails,
  ItemState,
  ItemView,
  NewItem,
  Outcome,
  Priority,
} from './item.ts';

export interface EngineOptions {
  readonly redis: Redis;
  /** The first part of every key: `{<prefix>queue:<name>:<partition>}`. */
  readonly kind: string;
  readonly name: string;
  /** Fixed by the first user of the name; another value is a `ConfigurationError` at first use. @defaultValue 1 */
  readonly partitions?: number | undefined;
  /** Length of a lease unless the item says otherwise. 100 ms .. 12 h. @defaultValue 30,000 */
  readonly visibilityMs?: number | undefined;
  /** An item whose lease expired this often is dead with the reason `max-deliveries`. @defaultValue 10 */
  readonly maxDeliveries?: number | undefined;
  /** One claim in this many goes to the oldest item of the lower levels. 0: strict. @defaultValue 16 */
  readonly lowerShare?: number | undefined;
  /** Refuse items (`full`) beyond this many waiting ones per queue; split evenly over partitions. @defaultValue no limit */
  readonly maxPending?: number | undefined;
  /** How long the outcome of a cancelled or expired item is kept. @defaultValue 0, or a minute when somebody waits for it */
  readonly keepOutcomesMs?: number | undefined;
  readonly logger?: Logger | undefined;
  readonly onError?: ErrorHandler | undefined;
}

/** Exact at once: each transition changes them in the script that makes it. Summed over partitions. */
export interface EngineStats {
  readonly ready: Readonly<Record<Priority, number>>;
  readonly delayed: number;
  readonly leased: number;
  readonly dead: number;
  /** Outcomes kept for `outcome`. */
  readonly kept: number;
  /** Totals since the queue exists. */
  readonly enqueued: number;
  readonly completed: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Items that became dead. */
  readonly died: number;
  readonly cancelled: number;
  readonly expired: number;
  /** Leases that ran out. */
  readonly reclaimed: number;
  readonly redriven: number;
  readonly paused: boolean;
  /** Milliseconds that the oldest ready item has waited since it was enqueued; `undefined` when none is ready. */
  readonly oldestReadyMs: number | undefined;
  /** How often the server's clock stepped back by more than a second. */
  readonly clockSteps: number;
}

export interface ReceiveOptions {
  /** @defaultValue 1 */
  readonly max?: number | undefined;
  /** How long to wait for the first item. @defaultValue 0 */
  readonly waitMs?: number | undefined;
  /** @defaultValue the item's */
  readonly visibilityMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type CancelResult =
  /** It was waiting (or delayed) and is gone. */
  | 'cancelled'
  /** It is being handled: its holder is told, at the latest with the next renewal; it will not be retried. */
  | 'cancelling'
  /** It is dead, over or was never there. */
  | 'not-found';

export interface RedriveOptions {
  /** Starts them this long from now. @defaultValue 0 */
  readonly delayMs?: number | undefined;
}

export interface DeadLetters {
  /** All dead items, oldest first, read in slices. */
  list(options?: {
    readonly since?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<DeadItem>;
  get(id: string): Promise<DeadItem | undefined>;
  /** Back to ready with attempts and deliveries at zero; history, body and id stay. Gives the ids that were dead. */
  redrive(ids: readonly string[], options?: RedriveOptions): Promise<readonly string[]>;
  /** Removes them for good. Gives the ids that were dead. */
  remove(ids: readonly string[]): Promise<readonly string[]>;
}

export interface SweepOptions {
  /** Dead items older than this go. */
  readonly deadMaxAgeMs?: number | undefined;
  /** The oldest dead items beyond this many go; per partition. */
  readonly deadMaxCount?: number | undefined;
  /** The kept outcomes that end first go, beyond this many; per partition. */
  readonly keptMaxCount?: number | undefined;
}

export interface SweepReport {
  readonly dead: number;
  readonly kept: number;
  readonly expired: number;
}

/**
 * One queue (or subscription) of items. Made by `createEngine`; registers with the connection for closing. Once closed,
 * `enqueue`, `receive`, `consume`, `cancel`, `outcome`, `get`, `list` and the reads of `deadLetters` reject with
 * `ClosedError`.
 */
export interface Engine extends Closeable<EngineStats> {
  readonly name: string;
  readonly partitions: number;
  /** A new id that `get`, `cancel` and `outcome` find with one call; `routeBy` as the item will have it. */
  createId(routeBy?: string): string;
  /**
   * Adds items; calls of one tick share a script call, each resolves by itself. Results are in the order of `items`. A
   * lost reply is repeated and adds nothing twice. Rejects with `RedisUnavailableError` (nothing was added unless
   * `outcomeUnknown`; an item that was not added by then will not be added later), `RedisFullError`,
   * `LayoutTooNewError`, `ConfigurationError`.
   */
  enqueue(items: readonly NewItem[]): Promise<readonly EnqueueResult[]>;
  /** Makes a consumer; it claims nothing before `start()`. */
  consume(options: ConsumerOptions): Consumer;
  /** Claims by hand. The leases are not renewed: extend, settle or dispose them. Empty when `waitMs` has passed. */
  receive(options?: ReceiveOptions): Promise<Delivery[]>;
  get(id: string): Promise<ItemDetails | undefined>;
  /** All items in a state, read in slices; a snapshot of no single moment. Ready items come by priority. */
  list(options: {
    readonly state: ItemState;
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<ItemView>;
  /** How the item ended; waits for it for `waitMs` (default 0), then says `pending`. */
  outcome(
    id: string,
    options?: { readonly waitMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<Outcome>;
  cancel(id: string): Promise<CancelResult>;
  /** Nothing is handed out until `resume`; what runs goes on. Of the whole queue, not of this process. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  readonly deadLetters: DeadLetters;
  /** Applies retention; due outcomes and expired items go in any case. Sliced; ends when nothing is left to remove. */
  sweep(options?: SweepOptions): Promise<SweepReport>;
  /** Removes waiting items of a state that were enqueued (dead: died) longer ago than `olderThanMs`. Sliced. Gives how many. */
  purge(options: {
    readonly state: 'ready' | 'delayed' | 'dead' | 'kept';
    readonly olderThanMs?: number | undefined;
  }): Promise<number>;
  /** Removes everything, the counters included. Holders of leases are told at their next renewal. Fencing tokens still rise. */
  obliterate(): Promise<void>;
}
