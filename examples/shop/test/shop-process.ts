import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface ShopRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** A figure of the closing table by its label. */
  readonly figure: (label: string) => number;
}

export interface ShopRunOptions {
  readonly args?: readonly string[] | undefined;
  /** What it reads from standard input. */
  readonly input?: string | undefined;
  /** Default: `memory://`. */
  readonly redisUrl?: string | undefined;
}

const folder = fileURLToPath(new URL('..', import.meta.url));

/** Runs the shop as its user does, in a process. */
export async function runShopProcess({ args = [], input, redisUrl }: ShopRunOptions = {}): Promise<ShopRun> {
  const { REDIS_URL: _, ...environment } = process.env;
  const env = redisUrl === undefined ? environment : { ...environment, REDIS_URL: redisUrl };
  const argv = ['-C', '@lockstep/source', '--import', 'tsx', 'main.ts', ...args];
  const child = spawn(process.execPath, argv, { cwd: folder, env });
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [code, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr, figure: (label) => figureOf(stdout, label) };
}

function figureOf(stdout: string, label: string): number {
  const line = stdout.split('\n').find((candidate) => candidate.trim().startsWith(`${label}  `));
  if (line === undefined) throw new Error(`no line '${label}' in:\n${stdout}`);
  return Number(/ (\d+)(?: |$)/.exec(line)?.[1]);
}
