import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkExclusive } from '../src/check-exclusive.ts';
import { historyOf } from './history-of.ts';
import type { Written } from './history-of.ts';

const acquire = (process: string, at: readonly [number, number], token: number, until?: number): Written => ({
  process,
  f: 'acquire',
  at,
  token,
  ...(until === undefined ? {} : { until }),
});
const release = (process: string, at: readonly [number, number], token: number): Written => ({
  process,
  f: 'release',
  at,
  token,
});

describe('checkExclusive', () => {
  it('accepts holders that follow one another', () => {
    const history = historyOf(
      acquire('a', [0, 1], 1, 100),
      release('a', [50, 60], 1),
      acquire('b', [10, 55], 2, 155),
      acquire('c', [60, 155], 3, 300),
    );
    expect(checkExclusive(history)).toEqual({ valid: true, grants: 3, violations: [] });
  });

  it('reports a second holder before the first one let go', () => {
    const history = historyOf(acquire('a', [0, 1], 1, 100), acquire('b', [2, 99], 2, 200));
    const report = checkExclusive(history);
    expect(report.valid).toBe(false);
    expect(report.violations).toMatchObject([
      { kind: 'overlap', at: 99, holdings: [{ process: 'a' }, { process: 'b' }] },
    ]);
  });

  it('reports an overlap after an extension, and one with a holder that never let go', () => {
    const extended = historyOf(
      acquire('a', [0, 1], 1, 100),
      { process: 'a', f: 'extend', at: [50, 51], token: 1, until: 150 },
      acquire('b', [2, 120], 2, 200),
    );
    expect(checkExclusive(extended).violations).toHaveLength(1);
    const forever = historyOf(acquire('a', [0, 1], 1), acquire('b', [2, 9_999], 2, 10_000));
    expect(checkExclusive(forever).violations).toHaveLength(1);
  });

  it('does not count on an extension whose outcome is unknown', () => {
    const history = historyOf(
      acquire('a', [0, 1], 1, 100),
      { process: 'a', f: 'extend', at: [50, 51], token: 1, until: 150, type: 'info' },
      acquire('b', [2, 120], 2, 200),
    );
    expect(checkExclusive(history).valid).toBe(true);
  });

  it('ends a holding when its holder is told that it is lost', () => {
    const history = historyOf(
      acquire('a', [0, 1], 1, 100),
      { process: 'a', f: 'lost', at: [20, 20], token: 1 },
      acquire('b', [2, 21], 2, 200),
    );
    expect(checkExclusive(history).valid).toBe(true);
  });

  it('ignores a grant that arrived after its own end', () => {
    const late = acquire('a', [0, 110], 1, 100);
    const inTime = acquire('b', [5, 105], 2, 200);
    expect(checkExclusive(historyOf(late, inTime)).valid).toBe(true);
    // Nor does it hide an overlap of others meanwhile.
    const third = acquire('c', [6, 107], 3, 109);
    expect(checkExclusive(historyOf(late, inTime, third)).violations).toHaveLength(1);
  });

  it('reports a token that does not rise, also without an overlap', () => {
    const history = historyOf(
      acquire('a', [0, 1], 5, 10),
      acquire('b', [20, 21], 5, 30),
      acquire('c', [40, 41], 4, 50),
      acquire('d', [60, 61], 6, 70),
    );
    expect(checkExclusive(history).violations).toMatchObject([
      { kind: 'token', earlier: { process: 'a' }, later: { process: 'b' } },
      { kind: 'token', earlier: { process: 'a' }, later: { process: 'c' } },
    ]);
  });

  it('lets requests under way together get their tokens in either order, but not the same one', () => {
    const either = historyOf(acquire('a', [0, 30], 2, 40), acquire('b', [1, 20], 1, 25));
    expect(checkExclusive(either).valid).toBe(true);
    const same = historyOf(acquire('a', [0, 30], 2, 40), acquire('b', [1, 20], 2, 25));
    expect(checkExclusive(same).violations).toMatchObject([{ kind: 'token' }]);
  });

  it('pairs acquire and release of a process in order when there are no tokens', () => {
    const bare = (process: string, f: string, at: readonly [number, number]): Written => ({ process, f, at });
    const history = historyOf(
      bare('a', 'acquire', [0, 1]),
      bare('a', 'release', [2, 3]),
      bare('a', 'acquire', [4, 5]),
      bare('b', 'acquire', [6, 7]),
      bare('a', 'release', [8, 9]),
    );
    expect(checkExclusive(history).violations).toMatchObject([{ kind: 'overlap', at: 7 }]);
  });

  it('allows as many holders as there are permits, weighing readers and writers', () => {
    const three = [acquire('a', [0, 1], 1, 9), acquire('b', [0, 2], 2, 9), acquire('c', [0, 3], 3, 9)];
    expect(checkExclusive(historyOf(...three), { permits: 3 }).valid).toBe(true);
    expect(checkExclusive(historyOf(...three), { permits: 2 }).violations).toHaveLength(1);
    const weight = ({ process }: { process: string }): number => (process === 'c' ? 3 : 1);
    expect(checkExclusive(historyOf(...three), { permits: 3, weight }).violations).toHaveLength(1);
  });

  it('checks keys apart', () => {
    const history = historyOf(
      { ...acquire('a', [0, 1], 1, 100), key: 'x' },
      { ...acquire('b', [0, 1], 1, 100), key: 'y' },
    );
    expect(checkExclusive(history)).toMatchObject({ valid: true, grants: 2 });
  });

  it('agrees with comparing every pair of holdings', () => {
    const grant = fc.record({ start: fc.nat(60), length: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 8 }), (grants) => {
        const ordered = [...grants].sort((a, b) => a.start - b.start);
        const overlap = ordered.some((a, i) =>
          ordered.slice(i + 1).some((b) => b.start < a.start + a.length),
        );
        const written = ordered.map(({ start, length }, index) =>
          acquire(`p${index}`, [start - 1, start], index, start + length),
        );
        const found = checkExclusive(historyOf(...written)).violations.some(({ kind }) => kind === 'overlap');
        expect(found).toBe(overlap);
      }),
    );
  });
});
