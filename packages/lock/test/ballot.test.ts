import { describe, expect, it } from 'vitest';
import { ballot, outageOf } from '../src/ballot.ts';

const never = new Promise<string>(() => {});
const yes = (vote: string): Promise<string> => Promise.resolve(vote);
const no = (): Promise<undefined> => Promise.resolve(undefined);
const silent = (): Promise<string> => Promise.reject(new Error('silent'));

describe('a ballot', () => {
  it('is won with the vote that makes the quorum, without the slow rest', async () => {
    const votes = await ballot([yes('a'), never, yes('c')], 2);
    expect(votes).toEqual({
      won: true,
      yes: [
        { voter: 0, vote: 'a' },
        { voter: 2, vote: 'c' },
      ],
      failures: [],
    });
  });

  it('is lost as soon as the quorum cannot be reached any more', async () => {
    expect((await ballot([no(), no(), never], 2)).won).toBe(false);
    expect((await ballot([yes('a'), silent(), silent(), never, never], 4)).won).toBe(false);
  });

  it('settles for an even number of voters that split', async () => {
    expect((await ballot([yes('a'), no()], 2)).won).toBe(false);
    expect((await ballot([yes('a'), yes('b'), no(), no()], 3)).won).toBe(false);
    expect((await ballot([yes('a'), yes('b')], 2)).won).toBe(true);
  });

  it('is an outage only if the silent ones could have made the difference', async () => {
    const outvoted = await ballot([silent(), no(), no()], 2);
    expect(outageOf(outvoted, 3, 2)).toBeUndefined();
    const unheard = await ballot([silent(), silent(), yes('c')], 2);
    expect(outageOf(unheard, 3, 2)).toBeInstanceOf(Error);
  });
});
