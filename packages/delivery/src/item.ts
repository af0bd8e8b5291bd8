/** Served in this order; see the share of the lower levels in {@link EngineOptions.lowerShare}. */
export type Priority = 'critical' | 'high' | 'normal' | 'low';

/** Highest first. */
export const priorities = ['critical', 'high', 'normal', 'low'] as const satisfies readonly Priority[];

/** Where an item is. It is in exactly one place; `kept` items are over, only their outcome is still there. */
export type ItemState = 'ready' | 'delayed' | 'leased' | 'dead' | 'kept';

/** An item to enqueue. */
export interface NewItem {
  /** 1..512 bytes, no control characters, no braces. Unique among all items that are not gone. See `Engine.createId`. */
  readonly id: string;
  /** Opaque to the engine; any string, also the empty one. */
  readonly body: string;
  /** @defaultValue `normal` */
  readonly priority?: Priority | undefined;
  /** Not before this long from now, by the server's clock. */
  readonly delayMs?: number | undefined;
  /** Not before this moment, in milliseconds since the epoch, by the server's clock. Not together with `delayMs`. */
  readonly runAt?: number | undefined;
  /**
   * An item that was not claimed by then is dropped with the outcome `expired`; a retry after it is not handed out
   * either. A dead item that is redriven does not expire any more.
   */
  readonly expiresInMs?: number | undefined;
  /** Length of this item's leases. @defaultValue the engine's `visibilityMs` */
  readonly visibilityMs?: number | undefined;
  /** Items with the same value live in one partition. @defaultValue the id */
  readonly routeBy?: string | undefined;
}

export interface EnqueueResult {
  readonly id: string;
  /** `duplicate`: an item with this id is still there, nothing was changed. `full`: `maxPending` items wait already. */
  readonly status: 'added' | 'duplicate' | 'full';
}

/** What becomes of a leased item. Each kind is one atomic transition, refused when the lease is not the current one. */
export type Settlement =
  /** Done. The outcome is kept for `keepMs` (default 0: gone at once), or for a minute if somebody waits for it. */
  | { readonly type: 'complete'; readonly result?: string | undefined; readonly keepMs?: number | undefined }
  /** The handler failed: counts an attempt, keeps the error in the item's history, and waits for `delayMs`. */
  | { readonly type: 'retry'; readonly delayMs: number; readonly error?: string | undefined }
  /** Goes to the dead letters with its history; counts an attempt when there is an `error`. */
  | { readonly type: 'dead'; readonly reason: string; readonly error?: string | undefined }
  /** Back to the front of its level, or delayed. Counts neither an attempt nor a delivery. */
  | { readonly type: 'release'; readonly delayMs?: number | undefined };

/** One of the handler failures of an item. */
export interface ItemFailure {
  /** When it was settled, by the server's clock. */
  readonly at: number;
  /** What the caller passed as `error`. */
  readonly error: string;
}

/** An item as `get` and `list` show it. A snapshot: it may have changed by the time it is read. */
export interface ItemView {
  readonly id: string;
  readonly state: ItemState;
  readonly partition: number;
  readonly body: string;
  readonly priority: Priority;
  readonly enqueuedAt: number;
  readonly expiresAt: number | undefined;
  /** Due time of a delayed item, deadline of a leased one, time of death of a dead one. */
  readonly at: number | undefined;
  /** Claims that were not released. */
  readonly deliveries: number;
  /** Handler failures since it was enqueued or redriven. */
  readonly attempts: number;
  /** Which worker holds it. */
  readonly worker: string | undefined;
  readonly fencingToken: number | undefined;
}

/** A {@link ItemView} with what only a single look-up reads. */
export interface ItemDetails extends ItemView {
  /** The last ten failures, oldest first. */
  readonly history: readonly ItemFailure[];
  readonly cancelled: boolean;
  readonly progress: string | undefined;
  readonly checkpoint: string | undefined;
  readonly dead: { readonly at: number; readonly reason: string } | undefined;
}

/** A dead letter. */
export interface DeadItem extends ItemView {
  readonly history: readonly ItemFailure[];
  readonly dead: { readonly at: number; readonly reason: string };
}

/** How an item ended, or that it has not. `unknown`: never there, or gone and not kept. */
export type Outcome =
  | { readonly status: 'completed'; readonly at: number; readonly result: string | undefined }
  | {
      readonly status: 'dead';
      readonly at: number;
      readonly reason: string;
      readonly history: readonly ItemFailure[];
    }
  | { readonly status: 'cancelled' | 'expired'; readonly at: number }
  | { readonly status: 'pending' | 'unknown' };
