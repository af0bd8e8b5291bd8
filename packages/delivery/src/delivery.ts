import type { Lease } from '@lockstep/core';
import type { Priority, Settlement } from './item.ts';

/**
 * What a holder may store with its item, until that completes, is cancelled or removed. `routing` is for holders that
 * cannot handle it, to tell the next one.
 */
export type Note = 'progress' | 'checkpoint' | 'routing';

/**
 * A claimed item: a lease on it. `signal` aborts with `LeaseLostError` (refused renewal, or the local deadline with
 * Redis frozen), `TaskCancelledError` or `ShutdownError`. Disposing releases it unless it was settled.
 */
export interface Delivery extends Lease {
  readonly id: string;
  readonly body: string;
  readonly priority: Priority;
  readonly partition: number;
  readonly enqueuedAt: number;
  /** How often it was claimed, this time included; a release takes one back. */
  readonly deliveries: number;
  /** Handler failures before this delivery. */
  readonly attempts: number;
  /** Length of the lease. */
  readonly visibilityMs: number;
  /**
   * Ends the lease. Settlements of one tick share a call. Idempotent for the first caller's settlement: a second one
   * rejects. Rejects with `LeaseLostError` when the lease was not ours any more (nothing was changed), and with
   * `RedisUnavailableError` when Redis did not answer in time: then the same settlement may be tried again while the
   * lease lasts, and resolves also when the first one had been carried out.
   */
  settle(settlement: Settlement): Promise<void>;
  /** Stores a note, fenced. Rejects with `LeaseLostError` when the lease is not ours. One call. */
  save(note: Note, value: string): Promise<void>;
  /** The stored note, which an earlier delivery may have written; `undefined` when there is none. One call. */
  load(note: Note): Promise<string | undefined>;
  /** Ends the lease locally: the signal aborts with `reason`. What is settled after it is still tried. */
  abort(reason: Error): void;
}
