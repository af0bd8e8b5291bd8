import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { chaosProfile } from './profile.ts';
import type { Quantiles } from './quantiles.ts';

interface ReportTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** The figures of one run as a page of the documentation. */
export interface ReportPage {
  readonly title: string;
  /** What was done how often. */
  readonly about: string;
  /** The file of the test, from the root. */
  readonly test: string;
  readonly redisVersion: string;
  readonly tables: readonly ReportTable[];
  /** How to read the figures, and what they do not say. */
  readonly notes: string;
}

const reports = new URL('../../../docs/reports/', import.meta.url);

function reportText({ title, about, test, redisVersion, tables, notes }: ReportPage): string {
  return [
    `# ${title}`,
    '',
    about,
    '',
    `Command: \`LOCKSTEP_CHAOS=full pnpm test:chaos ${test}\`. Machine: ${cpus().length} cores ` +
      `(${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, shared with other work; ` +
      `Node ${process.versions.node}, Redis ${redisVersion}.`,
    '',
    ...tables.flatMap(({ head, rows }) => [
      line(head),
      line(head.map(() => '---')),
      ...rows.map((row) => line(row)),
      '',
    ]),
    `Load average over 15 minutes at the end: ${loadavg()[2]?.toFixed(1)}. ${notes}`,
    '',
  ].join('\n');
}

/** Shows a page, and in the full profile keeps it as `docs/reports/<name>.md`. */
export async function keepReport(name: string, page: ReportPage): Promise<void> {
  const text = reportText(page);
  console.log(text);
  if (chaosProfile() !== 'full') return;
  await mkdir(reports, { recursive: true });
  await writeFile(new URL(`${name}.md`, reports), text);
}

/** Rows of times, in milliseconds. */
export function timesTable(times: readonly (readonly [string, Quantiles])[], digits = 0): ReportTable {
  const ms = (value: number): string => value.toFixed(digits);
  return {
    head: ['time in ms', 'n', 'p50', 'p99', 'max'],
    rows: times.map(([what, { n, p50, p99, max }]) => [what, n, ms(p50), ms(p99), ms(max)]),
  };
}

export function figuresTable(rows: readonly (readonly [string, string | number])[]): ReportTable {
  return { head: ['what', 'figure'], rows };
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}
