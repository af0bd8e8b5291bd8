/** What a worker asks of the payment provider. */
export interface ChargeRequest {
  /** Also the idempotency key: an order is charged once, however often this is sent. */
  readonly orderId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly card: { readonly token: string; readonly issuer: string };
  /** Of the lease under which the worker acts. The provider refuses one smaller than it has seen for this order. */
  readonly fencingToken: number;
  /** Who asks and for which time; for the provider's records. */
  readonly worker: string;
  readonly attempt: number;
  readonly delivery: number;
}

export type ChargeOutcome =
  /** `repeated`: it had been captured before, this request moved no money. */
  | { readonly status: 'captured'; readonly chargeId: string; readonly repeated: boolean }
  /** For good: asking again is no use. */
  | { readonly status: 'declined'; readonly reason: string }
  /** Nothing happened; asking again may help. */
  | { readonly status: 'unavailable'; readonly reason: string }
  /** Someone with a larger fencing token has asked since: this worker's lease is over. */
  | { readonly status: 'stale'; readonly newestToken: number };

/** Captures payments. Rejects when no answer came: whether the money moved is unknown then. */
export interface PaymentProvider {
  charge(request: ChargeRequest, options: { readonly signal: AbortSignal }): Promise<ChargeOutcome>;
}
