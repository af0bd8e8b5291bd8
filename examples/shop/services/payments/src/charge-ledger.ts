import type { ChargeRequest } from './provider.ts';

/** What the provider knows of one order. */
export interface ChargeAccount {
  readonly orderId: string;
  readonly amountCents: number;
  readonly currency: string;
  requests: number;
  /** The largest fencing token that has asked for this order. */
  newestToken: number;
  newestWorker: string;
  /** Times that money moved; more than one must not be. */
  captures: number;
  /** Requests that found the money moved already. */
  repeats: number;
  /** Requests that came with a fencing token that was outdated. */
  stale: number;
  /** Which of the requests moved the money, from 1; zero for none. */
  capturedBy: number;
}

/** The provider's books: one account an order. They outlive every worker. */
export class ChargeLedger {
  readonly #accounts = new Map<string, ChargeAccount>();
  readonly #requestsBy = new Map<string, number>();
  #captured = 0;

  /** Enters a request. Gives the account it is about. */
  enter(request: ChargeRequest): ChargeAccount {
    const { worker } = request;
    this.#requestsBy.set(worker, this.requestsOf(worker) + 1);
    const account = this.#open(request);
    account.requests += 1;
    return account;
  }

  #open({ orderId, amountCents, currency }: ChargeRequest): ChargeAccount {
    let account = this.#accounts.get(orderId);
    if (account === undefined) {
      const nothing = {
        requests: 0,
        newestToken: 0,
        newestWorker: '',
        captures: 0,
        repeats: 0,
        stale: 0,
        capturedBy: 0,
      };
      account = { orderId, amountCents, currency, ...nothing };
      this.#accounts.set(orderId, account);
    }
    return account;
  }

  capture(account: ChargeAccount): void {
    account.captures += 1;
    account.capturedBy = account.requests;
    this.#captured += 1;
  }

  /** Orders whose money has moved. */
  get captured(): number {
    return this.#captured;
  }

  /** What is known of an order; `undefined` when nobody has asked for it. */
  find(orderId: string): Readonly<ChargeAccount> | undefined {
    return this.#accounts.get(orderId);
  }

  /** How many requests a worker has made. */
  requestsOf(worker: string): number {
    return this.#requestsBy.get(worker) ?? 0;
  }

  accounts(): Iterable<Readonly<ChargeAccount>> {
    return this.#accounts.values();
  }
}
