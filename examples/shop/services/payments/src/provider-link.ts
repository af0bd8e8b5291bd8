import { sleep, type Clock } from '@lockstep/core';
import type { ChargeOutcome, ChargeRequest, PaymentProvider } from './provider.ts';

export interface ProviderLinkOptions {
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  /** What a request and its answer take together, in ms; half of it to twice as much. */
  readonly latencyMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** The way from one worker to the provider: it takes time, and it can freeze, as it does for a process that is stopped. */
export class ProviderLink implements PaymentProvider {
  readonly #options: ProviderLinkOptions;
  readonly #onTheWay = new Set<string>();
  #outbound = 0;
  #frozen: Promise<void> | undefined;
  #thaw: () => void = () => {};

  constructor(options: ProviderLinkOptions) {
    this.#options = options;
  }

  /** Requests that have left and have not arrived. */
  get outbound(): number {
    return this.#outbound;
  }

  /** Orders whose request has left and whose answer has not come. */
  get onTheWay(): ReadonlySet<string> {
    return this.#onTheWay;
  }

  /** Requests that have not arrived yet arrive after {@link thaw}, and no answer comes before. */
  freeze(): void {
    this.#frozen ??= new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#frozen = undefined;
    this.#thaw();
  }

  // The signal is not passed on: a request that has left cannot be called back.
  async charge(request: ChargeRequest, options: { readonly signal: AbortSignal }): Promise<ChargeOutcome> {
    this.#onTheWay.add(request.orderId);
    this.#outbound += 1;
    try {
      await this.#travel().finally(() => {
        this.#outbound -= 1;
      });
      const answer = this.#options.provider.charge(request, options);
      // A failure takes as long to come back as an answer.
      await Promise.allSettled([answer]);
      await this.#travel();
      return await answer;
    } finally {
      this.#onTheWay.delete(request.orderId);
    }
  }

  async #travel(): Promise<void> {
    const { clock, latencyMs, random } = this.#options;
    await sleep(clock, (latencyMs / 2) * (0.5 + 1.5 * random()));
    await this.#frozen;
  }
}
