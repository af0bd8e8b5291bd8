import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What the shop is asked to do. */
export interface ShopArguments {
  /** A file, or `-` for standard input. */
  readonly input: string;
  readonly seed: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly latencyMs: number;
}

export const usage = `npm start -- [options]

Reads orders, charges them through a payment provider that fails now and then, and closes the books.

  --input FILE       orders, one JSON object a line; - reads standard input (default: the 1,000 of orders.ndjson)
  --seed N           how the provider fails (default 1)
  --workers N        payment workers, one of which is killed on the way; at least 2 (default 4)
  --concurrency N    payments that one worker has under way at once (default 25)
  --latency-ms N     what the provider takes for an answer (default 60)
  --help             this text

Runs on memory:// in one process; with REDIS_URL on that Redis, and the worker to be killed is a process of its own.
Exit code 0 if the books add up, 1 otherwise.
`;

/** What is wrong with the command line, in words for its user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The arguments, or `help`. Throws {@link UsageError}. */
export function parseCommandLine(argv: readonly string[]): ShopArguments | 'help' {
  const values = readFlags(argv);
  if (values.help) return 'help';
  return {
    input: values.input ?? fileURLToPath(import.meta.resolve('@lockstep-shop/main/orders.ndjson')),
    seed: whole('--seed', values.seed, 1, 0, 2 ** 32 - 1),
    workers: whole('--workers', values.workers, 4, 2, 64),
    concurrency: whole('--concurrency', values.concurrency, 25, 1, 1_000),
    latencyMs: whole('--latency-ms', values['latency-ms'], 60, 0, 1_000),
  };
}

function readFlags(argv: readonly string[]) {
  const value = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        input: value,
        seed: value,
        workers: value,
        concurrency: value,
        'latency-ms': value,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0], { cause: error });
  }
}

function whole(
  flag: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`${flag} must be a whole number from ${least} to ${most}, not '${text}'`);
}
