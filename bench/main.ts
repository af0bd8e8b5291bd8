import { parseArgs } from 'node:util';
import { benchmarks } from './src/catalogue.ts';
import { fewestRounds } from './src/interleave.ts';
import { renderTable, surroundings, writeResult } from './src/report.ts';
import { openServer } from './src/server.ts';

const usage = `pnpm bench [name...] [--rounds N]

Runs the benchmarks whose name starts with one of those given; "all" runs everything; without a name it lists them.
Prints tables and writes bench/results/*.json. Uses REDIS_URL, or starts a redis-server of its own.

  --rounds N   how often each contestant runs; at least 5, default 9
`;

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '9' }, help: { type: 'boolean', short: 'h' } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < fewestRounds) {
    console.error(`bench: --rounds must be a whole number from ${fewestRounds}, not '${values.rounds}'`);
    return 1;
  }
  const chosen = Object.keys(benchmarks).filter(
    (name) => positionals.includes('all') || positionals.some((wanted) => name.startsWith(wanted)),
  );
  if (chosen.length === 0 || values.help) {
    console.log(`${usage}\n${list()}`);
    return positionals.length > 0 && !values.help ? 1 : 0;
  }
  await using server = await openServer();
  const around = surroundings(server.description);
  console.log(`${around.machine}, load ${around.load.toFixed(1)}, Node ${around.node}, ${around.redis}\n`);
  for (const name of chosen) {
    const tables = await (await benchmarks[name]!.load()).run({ server, rounds });
    for (const table of tables) console.log(renderTable(table));
    await writeResult(name, tables, around);
  }
  return 0;
}

function list(): string {
  return Object.entries(benchmarks)
    .map(([name, { summary }]) => `  ${name.padEnd(26)} ${summary}`)
    .join('\n');
}

// Interrupted, it must not leave its redis-server behind: that is stopped by the exit event, which signals do not raise.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
