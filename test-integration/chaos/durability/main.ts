import { appendFile, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { binaryVersion } from '../../src/site/open-site.ts';
import { profiles, type Profile } from './profiles.ts';
import { PartitionedSentinel } from './partitioned-sentinel.ts';
import { runRound, type RoundResult } from './round.ts';
import { renderTable } from './table.ts';

const usage = `node -C @lockstep/source --import tsx test-integration/chaos/durability/main.ts --log FILE [--rounds N]

Counts acknowledged writes that a Sentinel deployment loses when its master is cut off from replicas and sentinels while
clients beside it go on writing. Needs redis-server and redis-sentinel on PATH. About 20 s a round and row.

  --log FILE   where each round's result is appended; the table is made of all that it holds
  --rounds N   rounds of each row to run now, default 20; 0 only prints the table
`;

interface Entry {
  /** Index of the profile. */
  readonly profile: number;
  /** Missing where the round could not be carried out; `failure` then says why. */
  readonly result?: RoundResult | undefined;
  readonly failure?: string | undefined;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20' },
      log: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const rounds = Number(values.rounds);
  const { log } = values;
  if (values.help || log === undefined || !Number.isInteger(rounds) || rounds < 0) {
    console.log(usage);
    return values.help ? 0 : 1;
  }
  // Row by row within a round, so that what else the machine does falls on all of them.
  for (let round = 1; round <= rounds; round++) {
    for (const [index, profile] of profiles.entries()) {
      const entry = await attemptRound(index, profile);
      await appendFile(log, `${JSON.stringify(entry)}\n`);
      console.error(`round ${round} of ${rounds}, ${profile.name}: ${JSON.stringify(entry)}`);
    }
  }
  console.log(`Redis ${binaryVersion()}, Node ${process.versions.node}.\n`);
  const entries = await readEntries(log);
  console.log(renderTable(resultsOf(entries)));
  const failures = entries.flatMap(({ failure }) => failure ?? []);
  console.log(`\n${failures.length} rounds could not be carried out and are not in the table.`);
  for (const failure of failures) console.log(`- ${failure}`);
  return 0;
}

/** Without a promotion there is nothing to judge: a sentinel on a starved machine may be in TILT for 30 s. */
async function attemptRound(profile: number, { name }: Profile): Promise<Entry> {
  try {
    return { profile, result: await runRound(profiles[profile]!, await startGroup(profiles[profile]!)) };
  } catch (error) {
    return { profile, failure: `${name}: ${String(error)}` };
  }
}

const startAttempts = 5;

/** A port may be taken between its choice and its use; that is no result. */
async function startGroup({ minReplicas }: Profile): Promise<PartitionedSentinel> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await PartitionedSentinel.start({ minReplicas });
    } catch (error) {
      console.error(`start ${attempt}: ${String(error)}`);
      if (attempt === startAttempts) throw error;
    }
  }
}

async function readEntries(log: string): Promise<Entry[]> {
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Entry);
}

function resultsOf(entries: readonly Entry[]): Map<Profile, RoundResult[]> {
  const results = new Map(profiles.map((profile) => [profile, [] as RoundResult[]]));
  for (const { profile, result } of entries) if (result) results.get(profiles[profile]!)!.push(result);
  return results;
}

process.exitCode = await main();
