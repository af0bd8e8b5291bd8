import type { CloseOptions, CloseReport, MaybePromise } from '@lockstep/core';
import type { Delivery } from './delivery.ts';
import type { Settlement } from './item.ts';

export interface ConsumerOptions {
  /** How many deliveries are handled at once. @defaultValue 10 */
  readonly concurrency?: number | undefined;
  /**
   * Called for each claimed item; its lease is renewed until the promise settles, if it is one. What it resolves with is
   * done to the item; a rejection (a bug of the caller, who decides about retries) is reported and releases the item
   * after 1 s.
   */
  handle(delivery: Delivery): MaybePromise<Settlement>;
  /**
   * Called once per delivery when Redis has answered, or has not until the consumer stopped. `accepted` is false when
   * the lease was lost before, or nobody knows. Must not throw.
   */
  readonly onSettled?: ((delivery: Delivery, settlement: Settlement, accepted: boolean) => void) | undefined;
}

export interface ConsumerStats {
  readonly running: boolean;
  /** Deliveries that are being handled. */
  readonly active: number;
  /** Settlements that wait for their turn's reply. */
  readonly settling: number;
  /** Deliveries handled since the start, whatever the outcome. */
  readonly handled: number;
  /** Settlements refused because the lease was lost. */
  readonly lost: number;
  /** Turns answered by Redis since the start. */
  readonly turns: number;
  /** Milliseconds since each partition last answered a turn; the largest of them. `undefined` before the first. */
  readonly sinceLastTurnMs: number | undefined;
}

/**
 * The worker side: one loop per partition that settles and claims in one call, sleeps on the doorbell, and keeps the
 * leases of what is being handled. Made by `Engine.consume`.
 */
export interface Consumer {
  /** Identifies this consumer among all processes; the `worker` of the items it holds. */
  readonly id: string;
  /** Starts claiming. Idempotent; legal after `stop`. */
  start(): void;
  /**
   * Claims no more, waits `drainMs` for handlers (default 10 s), aborts the rest with `ShutdownError`, waits `abortMs`
   * (default 2 s), hands back what is left without burning a delivery or an attempt. Idempotent; the report says what
   * became of the deliveries.
   */
  stop(options?: CloseOptions): Promise<CloseReport>;
  stats(): ConsumerStats;
}
