import type { RenewalAsk, RenewalOutcome } from './grantor.ts';
import type { Place } from './place.ts';
import type { PlaceReply } from './renewal-batch.ts';

/** What the nodes of a quorum say of one lease that is being renewed. */
export class RenewalTally {
  readonly ask: RenewalAsk;
  /** Nodes that answered and do not have it: restarted empty, perhaps. */
  readonly missing: Place[] = [];
  readonly #need: number;
  #open: number;
  #confirmed = 0;
  #silent = 0;

  constructor(ask: RenewalAsk, places: number) {
    this.ask = ask;
    this.#need = ask.claim.quorum(places);
    this.#open = places;
  }

  count(place: Place, reply: PlaceReply): void {
    this.#open -= 1;
    if (reply === 'renewed') this.#confirmed += 1;
    else if (reply === 'missing') this.missing.push(place);
    else if (reply === 'unknown') this.#silent += 1;
  }

  /** Undefined while the nodes that have not answered could still decide. */
  get outcome(): RenewalOutcome | undefined {
    if (this.#confirmed >= this.#need) return 'renewed';
    if (this.#confirmed + this.#open + this.#silent < this.#need) return 'lost';
    return this.#open === 0 ? 'unknown' : undefined;
  }
}
