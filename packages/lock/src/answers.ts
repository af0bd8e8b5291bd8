import { RedisUnavailableError } from '@lockstep/core';
import { ballot } from './ballot.ts';
import { majority } from './claim.ts';
import type { Place } from './place.ts';
import { late, within } from './within.ts';

/** Long enough for a node that lives; a frozen one must not hold a reader up. */
const readDeadlineMs = 500;

/**
 * What the places say, as soon as a majority has said something. With one place its answer or its failure; of several a
 * node that is late or fails is done without while the others are enough.
 */
export async function answersOf<T>(
  places: readonly Place[],
  what: string,
  ask: (place: Place) => Promise<T>,
): Promise<T[]> {
  if (places.length === 1) return [await ask(places[0]!)];
  return majorityOf(places, (place) => inTime(place, what, ask(place)));
}

/** As `answersOf`, where each question sees to its own deadline. */
export async function majorityOf<T>(
  places: readonly Place[],
  ask: (place: Place) => Promise<T>,
): Promise<T[]> {
  const need = majority(places.length);
  const votes = await ballot(
    places.map(async (place) => ({ value: await ask(place) })),
    need,
  );
  // An answer is a vote, so what is not won failed at too many.
  if (!votes.won) throw votes.failures[0]!;
  return votes.yes.map(({ vote }) => vote.value);
}

/** The answer of one node; a rejection when it takes longer than a reader waits for a node. */
export async function inTime<T>(place: Place, what: string, asked: Promise<T>): Promise<T> {
  const answer = await within(place.redis.clock, asked, readDeadlineMs);
  if (answer === late) throw silent(what);
  return answer;
}

function silent(what: string): RedisUnavailableError {
  return new RedisUnavailableError(`${what}: a node did not answer in time`, {
    reason: 'timeout',
    outcomeUnknown: false,
  });
}
