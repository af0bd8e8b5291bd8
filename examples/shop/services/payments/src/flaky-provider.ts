import { createHash } from 'node:crypto';
import type { ChargeAccount, ChargeLedger } from './charge-ledger.ts';
import type { ChargeOutcome, ChargeRequest, PaymentProvider } from './provider.ts';

export interface FlakyProviderOptions {
  readonly ledger: ChargeLedger;
  /** The same seed treats the same order's n-th request alike, in whatever order requests come. */
  readonly seed: number;
  /** Banks that do not answer until {@link FlakyProvider.endOutage}. */
  readonly outage: readonly string[];
  /** Told of each request that came too late. */
  onStale(request: ChargeRequest, account: Readonly<ChargeAccount>): void;
}

const unavailableShare = 0.12;
const lostAnswerShare = 0.03;

/** The cards no request can be captured from, by how their token begins. */
const declined: Readonly<Record<string, string>> = {
  tok_stolen_: 'card reported stolen',
  tok_expired_: 'card expired',
};

/**
 * A payment provider on a bad day: some requests fail, some succeed while the answer is lost, one bank is away. What it
 * gets right: an order is captured once, and a fencing token that is outdated is refused.
 */
export class FlakyProvider implements PaymentProvider {
  readonly ledger: ChargeLedger;
  readonly #options: FlakyProviderOptions;
  readonly #away: Set<string>;

  constructor(options: FlakyProviderOptions) {
    this.ledger = options.ledger;
    this.#options = options;
    this.#away = new Set(options.outage);
  }

  /** The banks that were away answer again. */
  endOutage(): void {
    this.#away.clear();
  }

  async charge(request: ChargeRequest): Promise<ChargeOutcome> {
    const account = this.ledger.enter(request);
    if (request.fencingToken < account.newestToken) return this.#refuse(request, account);
    account.newestToken = request.fencingToken;
    account.newestWorker = request.worker;
    if (account.captures > 0) {
      account.repeats += 1;
      return { status: 'captured', chargeId: chargeId(request), repeated: true };
    }
    return this.#capture(request, account);
  }

  #refuse(request: ChargeRequest, account: ChargeAccount): ChargeOutcome {
    account.stale += 1;
    this.#options.onStale(request, account);
    return { status: 'stale', newestToken: account.newestToken };
  }

  #capture(request: ChargeRequest, account: ChargeAccount): ChargeOutcome {
    const { token, issuer } = request.card;
    for (const [prefix, reason] of Object.entries(declined)) {
      if (token.startsWith(prefix)) return { status: 'declined', reason };
    }
    if (this.#away.has(issuer)) return { status: 'unavailable', reason: `${issuer} does not answer` };
    const luck = share(this.#options.seed, request.orderId, account.requests);
    if (luck < unavailableShare) return { status: 'unavailable', reason: 'the provider is overloaded' };
    this.ledger.capture(account);
    if (luck > 1 - lostAnswerShare) throw new Error('the connection to the provider broke');
    return { status: 'captured', chargeId: chargeId(request), repeated: false };
  }
}

function chargeId({ orderId }: ChargeRequest): string {
  return `ch_${orderId}`;
}

/** A number in [0, 1) that depends on nothing but its arguments. */
function share(...parts: readonly (string | number)[]): number {
  return createHash('sha1').update(parts.join('\0')).digest().readUInt32BE() / 2 ** 32;
}
