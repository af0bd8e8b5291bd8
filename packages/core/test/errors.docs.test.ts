import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorTable, type ErrorCode, type UnavailableReason } from '@lockstep/core';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** The rows of the table under a heading, each a list of its cells; back-ticks are taken off. */
function tableUnder(heading: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  const rows = section?.split('\n').filter((line) => line.startsWith('|')) ?? [];
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('the table of codes in docs/errors.md', () => {
  const documented = tableUnder('Codes');

  test('has a row for each code, and no row without one', () => {
    expect(documented.map(([code = '']) => code).toSorted()).toEqual(Object.keys(errorTable).toSorted());
  });

  test.each(Object.keys(errorTable) as ErrorCode[])('says of %s what the code says', (code) => {
    const row = documented.find(([name]) => name === code);
    const { name, retryable, data } = errorTable[code];
    expect(row?.slice(1, 4)).toEqual([name, retryable ? 'yes' : 'no', Object.keys(data).join(', ')]);
  });

  test.each(documented)('%s tells when it happens and what to do', (...cells) => {
    expect(cells).toHaveLength(6);
    const [when, remedy] = cells.slice(4);
    expect(when).toMatch(/\.$/);
    expect(remedy).toMatch(/\.$/);
  });
});

test('each reason of REDIS_UNAVAILABLE is explained, and no other', () => {
  const reasons: Record<UnavailableReason, true> = {
    connection: true,
    timeout: true,
    readonly: true,
    loading: true,
    'cluster-down': true,
    redirects: true,
    'try-again': true,
    busy: true,
    misconf: true,
    'no-replicas': true,
    'max-clients': true,
  };
  const documented = tableUnder('Reasons of `REDIS_UNAVAILABLE`').map(([reason = '']) => reason);
  expect(documented.toSorted()).toEqual(Object.keys(reasons).toSorted());
});
