import { eventually } from '@lockstep/testing';
import type { RedisNode } from '../../src/servers/redis-node.ts';
import type { PartitionedSentinel } from './partitioned-sentinel.ts';
import type { Profile, Writer } from './profiles.ts';
import type { Testimony } from './witness.ts';

export interface RoundResult {
  readonly acked: number;
  readonly lost: number;
  /** From the partition to the last acknowledgement of a write that was lost, in ms; 0 when that came before it. */
  readonly windowMs: number;
  /** How long before the partition the first write was acknowledged that was lost, in ms; 0 when none was. */
  readonly lostBeforeMs?: number | undefined;
  /** From the partition to the promotion, in ms. */
  readonly electionMs: number;
  /** Acknowledged writes a second before the partition. */
  readonly ackedPerSecond: number;
  /** Missing in logs of earlier versions. */
  readonly testimony?: Testimony | undefined;
}

const writers = 8;
const beforeMs = 1_000;
/** The old master is cut off for this long after another was promoted. */
const healAfterMs = 2_000;
/** Sentinel demotes a master that returns after about 8 s. */
const demotedWithinMs = 20_000;
const afterMs = 500;

/** One writer's acknowledged bits, in their order, and when each was acknowledged. */
interface Log {
  readonly key: string;
  readonly bits: number[];
  readonly times: number[];
}

/** Writes all the time while the master is cut off, replaced, healed and demoted; then counts what is missing. */
export async function runRound(profile: Profile, started: PartitionedSentinel): Promise<RoundResult> {
  await using group = started;
  const writer = await profile.open(group);
  const old = await group.master();
  const stop = startWriting(writer);
  await using _ = {
    async [Symbol.asyncDispose]() {
      await stop();
      await writer.close();
    },
  };
  await pause(beforeMs);
  const partitionedAt = performance.now();
  group.partition(old, !profile.sentinelsReachable);
  const testify = await group.testify(old, performance.timeOrigin + partitionedAt);
  const master = await group.promotedInsteadOf(old);
  const electionMs = performance.now() - partitionedAt;
  await pause(healAfterMs);
  group.heal();
  await eventually(() => demoted(old), { timeoutMs: demotedWithinMs, intervalMs: 50 });
  await pause(afterMs);
  const logs = await stop();
  const testimony = await testify(master);
  return { ...(await judge(master, logs, partitionedAt)), electionMs, testimony };
}

function startWriting(writer: Writer): () => Promise<Log[]> {
  let stopped = false;
  const logs = Array.from({ length: writers }, (_, n): Log => ({ key: `bits-${n}`, bits: [], times: [] }));
  const write = async ({ key, bits, times }: Log): Promise<void> => {
    for (let bit = 0; !stopped; bit++) {
      // A failure is no acknowledgement, whatever it is.
      const acked = await writer.write(key, bit).catch(() => pause(5));
      if (acked !== true) continue;
      bits.push(bit);
      times.push(performance.now());
    }
  };
  const all = Promise.all(logs.map(write));
  return async () => {
    stopped = true;
    await all;
    return logs;
  };
}

async function judge(
  master: RedisNode,
  logs: readonly Log[],
  partitionedAt: number,
): Promise<Omit<RoundResult, 'electionMs' | 'testimony'>> {
  let [acked, lost, before, firstLostAt, lastLostAt] = [0, 0, 0, partitionedAt, partitionedAt];
  for (const { key, bits, times } of logs) {
    const stored = await storedBits(master, key);
    for (const [index, bit] of bits.entries()) {
      acked += 1;
      if (times[index]! < partitionedAt) before += 1;
      if (stored(bit)) continue;
      lost += 1;
      firstLostAt = Math.min(firstLostAt, times[index]!);
      lastLostAt = Math.max(lastLostAt, times[index]!);
    }
  }
  return {
    acked,
    lost,
    windowMs: lastLostAt - partitionedAt,
    lostBeforeMs: partitionedAt - firstLostAt,
    ackedPerSecond: (before / beforeMs) * 1_000,
  };
}

async function storedBits(master: RedisNode, key: string): Promise<(bit: number) => boolean> {
  const bytes = (await master.buffer('get', key)) ?? Buffer.alloc(0);
  return (bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0;
}

async function demoted(old: RedisNode): Promise<void> {
  const role = await old.info('role');
  if (role !== 'slave') throw new Error(`the old master is a ${role} still`);
}

const pause = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
