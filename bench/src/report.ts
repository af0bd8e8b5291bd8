import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, cpus, loadavg, platform } from 'node:os';
import type { Table } from './benchmark.ts';

const compared = ['ioredis', 'bullmq', 'bee-queue'] as const;

/** What the figures depend on besides the code. */
export interface Surroundings {
  readonly machine: string;
  /** Processes that wanted a core when it began. More than there are cores: the times say little. */
  readonly load: number;
  readonly node: string;
  readonly redis: string;
  readonly versions: Readonly<Record<string, string>>;
}

export function surroundings(redis: string): Surroundings {
  return {
    machine: `${platform()} ${arch()}, ${cpus().length} cores`,
    load: loadavg()[0]!,
    node: process.version,
    redis,
    versions: Object.fromEntries(compared.map((name) => [name, versionOf(name)])),
  };
}

function versionOf(name: string): string {
  const load = createRequire(import.meta.url);
  return (load(`${name}/package.json`) as { version: string }).version;
}

/** A Markdown table with its columns aligned, so that it reads in a terminal and in the README alike. */
export function renderTable({ title, columns, rows, bars }: Table): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => row[index]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, index) => (index === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  const verdicts = bars.map(
    ({ promise, measured, met }) => `- ${met ? 'met' : 'MISSED'}: ${promise} (measured ${measured})`,
  );
  const parts = [`### ${title}`, [line(columns), rule, ...rows.map(line)].join('\n')];
  if (verdicts.length > 0) parts.push(verdicts.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

/** Writes one benchmark's tables to `results/<name>.json`. */
export async function writeResult(
  name: string,
  tables: readonly Table[],
  around: Surroundings,
): Promise<void> {
  const folder = new URL('../results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  const file = new URL(`${name.replaceAll('/', '-')}.json`, folder);
  await writeFile(file, `${JSON.stringify({ benchmark: name, ...around, tables }, undefined, 2)}\n`);
}
