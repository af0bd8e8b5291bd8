import { appendFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { defects } from './lock-defects/defects.ts';
import { rivalVersion } from './lock-defects/rivals.ts';
import { runCell } from './lock-defects/run-cell.ts';
import { renderTable, type Row } from './lock-defects/table.ts';

const ours = '@lockstep/lock';

/** As `npm install` names them. */
const rivals = {
  'redlock 4': 'redlock4',
  'redlock 5': 'redlock5',
  '@sesamecare-oss/redlock': '@sesamecare-oss/redlock',
  'redlock-universal': 'redlock-universal',
  'redis-semaphore': 'redis-semaphore',
} as const;

/** Where the rivals are: they are not installed with the project, see docs/lock-defects.md for the command. */
const rivalFolders = [process.env['LOCKSTEP_RIVALS']].filter((folder) => folder !== undefined);

describe('the defects of other lock libraries', () => {
  it.each(defects)('$id is not ours: $script', { timeout: 120_000 }, async (defect) => {
    const outcome = await runCell(defect, ours);
    expect(outcome).toMatchObject({ bad: false });
  });

  it.each(rivalFolders)('come out as in the table with those of %s', { timeout: 3_600_000 }, async () => {
    const names = Object.entries(rivals).map(([name, folder]) => `${name} (${rivalVersion(folder)})`);
    const rows: Row[] = [];
    for (const defect of defects) {
      const outcomes = [];
      for (const name of [ours, ...Object.keys(rivals)]) outcomes.push(await runCell(defect, name));
      rows.push([defect, outcomes]);
      console.log(`${defect.id}: ${outcomes.map((outcome) => outcome?.text ?? '-').join(' | ')}`);
    }
    const table = renderTable([ours, ...names], rows);
    console.log(table);
    if (process.env['LOCKSTEP_REPORT']) await appendFile(process.env['LOCKSTEP_REPORT'], `${table}\n`);
    // A script under which nobody fails shows nothing.
    expect(rows.filter(([, [, ...others]]) => !others.some((outcome) => outcome?.bad))).toEqual([]);
  });
});
