import { spread, type Spread } from './statistics.ts';

/** One of those compared. */
export interface Contestant {
  readonly name: string;
  /** Runs one slice of work and gives its figure: operations per second, microseconds per call, ... */
  measure(): Promise<number>;
}

export interface Comparison {
  /** The contestant the others are divided by. */
  readonly baseline: string;
  readonly rounds: number;
  readonly contestants: readonly Contestant[];
}

/** What one contestant did over all rounds. */
export interface Standing {
  readonly name: string;
  readonly figure: Spread;
  /**
   * Its figure over the baseline's of the same round. Both ran within a moment of each other, so a machine that slows
   * down for some rounds moves this less than it moves the figures.
   */
  readonly ratio: Spread;
}

/** A median of fewer says little. */
export const fewestRounds = 5;

/**
 * Runs the contestants in turns within one process. Each round starts with another one, so that none always runs on
 * the heap, the caches and the CPU clock that the same predecessor left. One round before the first is not counted.
 */
export async function interleave({ baseline, rounds, contestants }: Comparison): Promise<Standing[]> {
  if (rounds < fewestRounds) throw new RangeError(`rounds must be at least ${fewestRounds}, got ${rounds}`);
  const figures = contestants.map((): number[] => []);
  const base = figures[contestants.findIndex(({ name }) => name === baseline)];
  if (base === undefined) throw new RangeError(`baseline ${baseline} is not a contestant`);
  for (let round = -1; round < rounds; round += 1) {
    for (const index of rotation(contestants.length, round + 1)) {
      const figure = await contestants[index]!.measure();
      if (round >= 0) figures[index]!.push(figure);
    }
  }
  return contestants.map(({ name }, index) => {
    const own = figures[index]!;
    return { name, figure: spread(own), ratio: spread(own.map((figure, round) => figure / base[round]!)) };
  });
}

function rotation(length: number, first: number): number[] {
  return Array.from({ length }, (_, offset) => (first + offset) % length);
}
