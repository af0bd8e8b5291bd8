import { expect, it } from 'vitest';
import { caseGaps } from '../src/case-count.ts';

const excuse = { suite: 'lock', topology: 'cluster', name: 'b', reason: 'because' } as const;

it('finds nothing when every real topology ran what memory ran, or more', () => {
  expect(caseGaps('lock', ['a'], new Map([['cluster', ['a', 'b']]]), [])).toEqual([]);
});

it('names each case that ran on memory only', () => {
  expect(caseGaps('lock', ['a', 'b'], new Map([['cluster', ['a']]]), [])).toEqual([
    'lock: "b" runs on memory, not on cluster',
  ]);
});

it('accepts a gap that is listed for this suite and topology, and no other', () => {
  const gap = new Map([['cluster', ['a']]] as const);
  expect(caseGaps('lock', ['a', 'b'], gap, [excuse])).toEqual([]);
  expect(caseGaps('queue', ['a', 'b'], gap, [excuse])).toHaveLength(1);
  expect(caseGaps('lock', ['a', 'b'], new Map([['sentinel', ['a']]]), [excuse])).toHaveLength(1);
});

it('refuses an exception that is none any more', () => {
  expect(caseGaps('lock', ['a', 'b'], new Map([['cluster', ['a', 'b']]]), [excuse])).toEqual([
    'lock: "b" is no exception on cluster',
  ]);
  expect(caseGaps('lock', ['a'], new Map([['cluster', ['a']]]), [excuse])).toHaveLength(1);
});
