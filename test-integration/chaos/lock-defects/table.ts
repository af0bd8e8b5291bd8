import type { Outcome } from './cell.ts';
import type { Defect } from './defects.ts';

export type Row = readonly [Defect, readonly (Outcome | undefined)[]];

/** The Markdown table; where the defect shows the cell is bold. */
export function renderTable(contestants: readonly string[], rows: readonly Row[]): string {
  const header = ['', 'script', ...contestants];
  const cells = rows.map(([{ id, script }, outcomes]) => [id, script, ...outcomes.map(cell)]);
  return [header, header.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-';
  return outcome.bad ? `**${outcome.text}**` : outcome.text;
}
