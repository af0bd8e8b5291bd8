import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Readable } from 'node:stream';
import { isLockstepError } from '@lockstep/core';
import { closingTable } from './src/closing-table.ts';
import { parseCommandLine, usage, UsageError } from './src/command-line.ts';
import { lineLogger } from './src/line-logger.ts';
import { Output } from './src/output.ts';
import { runShop } from './src/run-shop.ts';

const interrupt = new AbortController();

async function main(): Promise<number> {
  const args = parseCommandLine(process.argv.slice(2));
  if (args === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  const url = process.env['REDIS_URL'] || 'memory://shop';
  const output = new Output(process.stdout);
  const input = await openInput(args.input);
  let connected = false;
  try {
    const books = await runShop({
      ...args,
      input,
      url,
      prefix: `${process.env['LOCKSTEP_PREFIX'] ?? 'lockstep:'}shop-${randomBytes(4).toString('hex')}:`,
      output,
      // What keeps the first connection from coming up is told once, by the error.
      logger: lineLogger((line) => connected && output.line(line)),
      onConnected: () => {
        connected = true;
        output.line(`shop: orders from ${source(args.input)}, ${where(url)}`);
      },
      signal: interrupt.signal,
    });
    output.line(`\n${closingTable(books)}`);
    return books.problems.length === 0 ? 0 : 1;
  } finally {
    input.destroy();
  }
}

async function openInput(input: string): Promise<Readable> {
  return input === '-' ? process.stdin : (await open(input)).createReadStream();
}

function source(input: string): string {
  if (input === '-') return 'standard input';
  const path = relative('.', input);
  return path.startsWith('..') ? input : path;
}

function where(url: string): string {
  return url.startsWith('memory:') ? 'everything in this process on memory://' : 'on the Redis of REDIS_URL';
}

/** What the user can do something about is told in a line; only a bug shows its stack. */
function describe(error: unknown): string {
  const isForUser =
    error instanceof UsageError ||
    isLockstepError(error) ||
    interrupt.signal.aborted ||
    (error as { code?: unknown }).code;
  if (!(error instanceof Error)) return String(error);
  return isForUser ? error.message : (error.stack ?? error.message);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort(new Error(`stopped by ${signal}`)));
}
// `npm start | head` closes the pipe; there is nobody left to tell.
process.stdout.on('error', () => process.exit(1));

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`shop: ${describe(error)}\n`);
  process.exitCode = 1;
}
