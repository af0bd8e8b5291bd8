import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** What a run of the example shop printed. */
export interface ShopRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** A figure of its closing table. */
  readonly figure: (label: string) => number;
}

const folder = fileURLToPath(new URL('../../../examples/shop/', import.meta.url));
const argv = ['-C', '@lockstep/source', '--import', 'tsx', 'main.ts'];

/** Runs the shop as its user does, in a process of its own. */
export async function runShop(redisUrl: string, prefix: string): Promise<ShopRun> {
  const env = { ...process.env, REDIS_URL: redisUrl, LOCKSTEP_PREFIX: prefix };
  const child = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const [[code], stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr, figure: (label) => figureOf(stdout, label) };
}

function figureOf(stdout: string, label: string): number {
  const line = stdout.split('\n').find((candidate) => candidate.trim().startsWith(`${label}  `));
  if (line === undefined) throw new Error(`no line '${label}' in:\n${stdout}`);
  return Number(/ (\d+)(?: |$)/.exec(line)?.[1]);
}
