import type { NodeClient } from './link.ts';

/**
 * The clock of the servers in milliseconds: of several masters the one furthest ahead, so that none of them takes a
 * deadline for over before it is. A master that does not answer is left out; throws when none does.
 */
export async function readServerTime(masters: readonly Pick<NodeClient, 'time'>[]): Promise<number> {
  const answers = await Promise.allSettled(masters.map((master) => master.time()));
  const times = answers.flatMap((answer) =>
    answer.status === 'fulfilled' ? [milliseconds(answer.value)] : [],
  );
  if (times.length > 0) return Math.max(...times);
  const refused = answers.find((answer) => answer.status === 'rejected');
  throw refused?.reason ?? new Error('Connection is closed.');
}

function milliseconds([seconds, microseconds]: readonly (string | number)[]): number {
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}
