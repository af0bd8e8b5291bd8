import { driftAllowance, elapsedSince, instant, RedisUnavailableError, type Clock } from '@lockstep/core';
import type { Answer, ReleaseOutcome } from './answer.ts';
import { ballot, outageOf, type Ballot } from './ballot.ts';
import type { Ask, Claim } from './claim.ts';
import type { Grantor, RenewalAsk, RenewalOutcome } from './grantor.ts';
import { insist } from './insist.ts';
import type { Place } from './place.ts';
import { raiseAt } from './raise-token.ts';
import { renewAt, type PlaceReply } from './renewal-batch.ts';
import { RenewalTally } from './renewal-tally.ts';
import { nodeDeadline } from './timing.ts';
import { late, within } from './within.ts';

interface QuorumParts {
  readonly places: readonly Place[];
  readonly clock: Clock;
  /** Whether the engine has closed: what is still being taken back is left to run out. */
  readonly isClosed: () => boolean;
  /** Told of work that goes on after a call has been answered. Never rejects. */
  readonly track: (work: Promise<unknown>) => void;
}

type Grant = Extract<Answer, { readonly kind: 'granted' }>;

/**
 * Leases of N independent masters: the Redlock algorithm. All votes in parallel, each with a deadline; decided as soon
 * as the quorum is reached or cannot be reached any more, so that one slow node changes nothing; the largest token is
 * written back to a quorum, so that tokens rise over nodes; what fails is taken back from every node, late ones too.
 */
export class QuorumGrantor implements Grantor {
  readonly hasLine = false;
  readonly #places: readonly Place[];
  readonly #clock: Clock;
  readonly #isClosed: () => boolean;
  readonly #track: (work: Promise<unknown>) => void;
  /** Nodes that have not answered a request yet, by claim: a release has to be remembered there. */
  readonly #open = new WeakMap<Claim, Map<Place, number>>();

  constructor({ places, clock, isClosed, track }: QuorumParts) {
    this.#places = places;
    this.#clock = clock;
    this.#isClosed = isClosed;
    this.#track = track;
  }

  async attempt(claim: Claim): Promise<Answer> {
    const timeoutMs = nodeDeadline(claim.ttlMs);
    const sentAt = instant(this.#clock);
    const isValid = (): boolean =>
      elapsedSince(this.#clock, sentAt) < claim.ttlMs - driftAllowance(claim.ttlMs);
    const votes = await this.#vote(claim, timeoutMs);
    let decisive: Ballot<unknown> = votes;
    if (votes.won && isValid()) {
      const fencingToken = tokenOf(votes);
      decisive = await this.#tell(claim, fencingToken, timeoutMs);
      // Telling takes time of its own.
      if (decisive.won && isValid()) return { kind: 'granted', fencingToken, settled: true };
    }
    await this.#takeBack(claim, votes, timeoutMs);
    const outage = decisive.won ? undefined : outageOf(decisive, this.#places.length, this.#need(claim));
    if (outage !== undefined) throw outage;
    return { kind: 'busy', position: 0, recheckMs: -1 };
  }

  async release(claim: Claim, isValid: boolean): Promise<ReleaseOutcome> {
    const replies = this.#places.map(async (place) => {
      const isOpen = this.#open.get(claim)?.has(place) ?? false;
      const releasing = claim.release(place, isValid, isOpen);
      // A node that cannot be reached is told when it can; the answer does not wait for that.
      this.#track(releasing.catch(() => this.#releaseLater(claim, place, isValid)));
      return (await releasing) === 'released' ? true : undefined;
    });
    const votes = await ballot(replies, this.#need(claim));
    if (votes.won) return 'released';
    const outage = outageOf(votes, this.#places.length, this.#need(claim));
    if (outage !== undefined) throw outage;
    return 'expired';
  }

  async abandon(claim: Claim): Promise<void> {
    await Promise.all(this.#places.map((place) => this.#insist(claim, () => claim.withdraw(place, false))));
  }

  async renew(
    asks: readonly RenewalAsk[],
    timeoutMs: number,
    onFailure: (error: unknown) => void,
  ): Promise<RenewalOutcome[]> {
    const tallies = asks.map((ask) => new RenewalTally(ask, this.#places.length));
    const isDecided = (): boolean => tallies.every(({ outcome }) => outcome !== undefined);
    const rounds = this.#places.map(async (place) => {
      const replies = await this.#renewAt(place, asks, timeoutMs, onFailure);
      tallies.forEach((tally, index) => tally.count(place, replies[index]!));
      return isDecided();
    });
    await firstTrue(rounds);
    this.#track(Promise.all(rounds).then(() => this.#replant(tallies)));
    return tallies.map(({ outcome }) => outcome ?? 'unknown');
  }

  #need(claim: Claim): number {
    return claim.quorum(this.#places.length);
  }

  #vote(claim: Claim, timeoutMs: number): Promise<Ballot<Grant>> {
    const ask: Ask = { ttlMs: claim.ttlMs, least: 0, timeoutMs };
    const votes = this.#places.map(async (place) => {
      const answer = await within(this.#clock, this.#ask(claim, place, ask), timeoutMs);
      if (answer === late) throw noVote(claim);
      return answer.kind === 'granted' ? answer : undefined;
    });
    return ballot(votes, this.#need(claim));
  }

  /** Asks one node for the lease, and remembers until it answers that it has not. */
  async #ask(claim: Claim, place: Place, ask: Ask): Promise<Answer> {
    const open = this.#open.get(claim) ?? new Map<Place, number>();
    this.#open.set(claim, open);
    open.set(place, (open.get(place) ?? 0) + 1);
    try {
      return await claim.acquire(place, ask);
    } finally {
      const others = open.get(place)! - 1;
      if (others === 0) open.delete(place);
      else open.set(place, others);
    }
  }

  async #releaseLater(claim: Claim, place: Place, isValid: boolean): Promise<void> {
    await this.#insist(claim, () => claim.release(place, isValid, true)).catch(() => {});
  }

  /** Every node is told, also those whose vote was not waited for: commands keep their order. */
  #tell(claim: Claim, token: number, timeoutMs: number): Promise<Ballot<true>> {
    const told = this.#places.map(async (place) => {
      const raised = await within(this.#clock, raiseAt(place, claim, token), timeoutMs);
      if (raised === late) throw noVote(claim);
      return raised || undefined;
    });
    return ballot(told, this.#need(claim));
  }

  /** From every node; waits for those that are known to answer, or the next attempt would find its own remains. */
  async #takeBack(claim: Claim, votes: Ballot<Grant>, timeoutMs: number): Promise<void> {
    const withdrawals = this.#places.map((place) =>
      this.#insist(claim, () => claim.withdraw(place, false)).catch(() => {}),
    );
    this.#track(Promise.all(withdrawals));
    await within(this.#clock, Promise.all(votes.yes.map(({ voter }) => withdrawals[voter]!)), timeoutMs);
  }

  #insist<T>(claim: Claim, attempt: () => Promise<T>): Promise<T> {
    return insist(this.#clock, attempt, claim.ttlMs, this.#isClosed);
  }

  async #renewAt(
    place: Place,
    asks: readonly RenewalAsk[],
    timeoutMs: number,
    onFailure: (error: unknown) => void,
  ): Promise<PlaceReply[]> {
    try {
      return await renewAt(place, asks, timeoutMs, onFailure);
    } catch (error) {
      onFailure(error);
      return asks.map(() => 'unknown');
    }
  }

  /**
   * A node that restarted empty gets the leases that a quorum still confirms, for as long as they were renewed, so that
   * it counts again. A release that
   * overtakes this has the request refused there.
   */
  async #replant(tallies: readonly RenewalTally[]): Promise<void> {
    const plantings = tallies.flatMap(({ ask, outcome, missing }) => {
      if (outcome !== 'renewed' || ask.ttlMs === 0 || !ask.isHeld()) return [];
      const { claim, fencingToken, ttlMs } = ask;
      const how: Ask = { ttlMs, least: fencingToken, timeoutMs: nodeDeadline(ttlMs) };
      return missing.map((place) => this.#ask(claim, place, how));
    });
    // The next renewal finds it missing again.
    await Promise.allSettled(plantings);
  }
}

/**
 * The largest: a node of this quorum was in the last one. For a nested lease the token of the one around it, which a
 * node that voted late there may not know: it was told to a quorum, so one of these nodes knows.
 */
function tokenOf({ yes }: Ballot<Grant>): number {
  const settled = yes.filter(({ vote }) => vote.settled);
  const decisive = settled.length > 0 ? settled : yes;
  return Math.max(...decisive.map(({ vote }) => vote.fencingToken));
}

function noVote({ name }: Claim): RedisUnavailableError {
  return new RedisUnavailableError(`${name}: a node did not vote in time`, {
    reason: 'timeout',
    outcomeUnknown: true,
  });
}

/** Resolves when one of the promises gives true, or all have settled. They do not reject. */
function firstTrue(promises: readonly Promise<boolean>[]): Promise<void> {
  return new Promise((resolve) => {
    let open = promises.length;
    for (const promise of promises) {
      void promise.then((isTrue) => {
        open -= 1;
        if (isTrue || open === 0) resolve();
      });
    }
  });
}
