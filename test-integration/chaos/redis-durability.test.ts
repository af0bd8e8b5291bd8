import { describe, expect, it } from 'vitest';
import { PartitionedSentinel } from './durability/partitioned-sentinel.ts';
import { profiles } from './durability/profiles.ts';
import { runRound, type RoundResult } from './durability/round.ts';
import { begunBeforeTheCut } from './durability/witness.ts';

const mostRounds = 3;

/** A round in which the cut came first. On a busy machine a failover may be under way before it; that is another fault. */
async function round(name: string): Promise<RoundResult> {
  const profile = profiles.find((candidate) => candidate.name === name && !candidate.sentinelsReachable)!;
  for (let tried = 1; tried <= mostRounds; tried++) {
    const result = await runRound(profile, await PartitionedSentinel.start(profile));
    if (!begunBeforeTheCut(result.testimony!)) return result;
  }
  throw new Error(`in ${mostRounds} rounds the sentinels replaced the master before it was cut off`);
}

/** One round of each; docs/durability.md has the table of many. */
describe('a master that is cut off with its clients', () => {
  it('keeps acknowledging what is lost, unguarded', async () => {
    const { acked, lost } = await round('ioredis as it comes');
    expect(lost / acked).toBeGreaterThan(0.3);
  });

  it('acknowledges nothing that is lost once every replica has to confirm', async () => {
    const { acked, lost } = await round('guarded, both replicas');
    // Few, where a replica is slow: enough to lose some of.
    expect(acked).toBeGreaterThan(50);
    expect(lost).toBe(0);
  });

  it('loses at most what it acknowledged in the last moment, once one replica has to confirm', async () => {
    const { acked, lost, windowMs } = await round('guarded');
    expect(windowMs).toBeLessThan(2_000);
    expect(lost / acked).toBeLessThan(0.1);
  });
});
