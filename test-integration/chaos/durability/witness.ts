import type { RedisNode } from '../../src/servers/redis-node.ts';

/** What tells afterwards why a confirmed write is gone. Servers are named by their index. */
export interface Testimony {
  readonly old: number;
  readonly promoted: number;
  /** What the old master wrote, before and after the cut. */
  readonly written: number;
  /** How far each replica had confirmed to the old master when it was cut off. */
  readonly confirmed: Readonly<Record<number, number>>;
  /** How far each replica had in fact got. */
  readonly received: Readonly<Record<number, number>>;
  /** What the sentinels did, in milliseconds since the cut; negative is before it. */
  readonly sentinels: readonly string[];
}

/** Whether the sentinels had begun to replace the master before it was cut off: a busy machine, and another fault. */
export function begunBeforeTheCut({ sentinels }: Testimony): boolean {
  return sentinels.some((event) => event.startsWith('-') && event.includes('+try-failover'));
}

interface Cast {
  readonly nodes: readonly RedisNode[];
  /** The port by which the others know the server of the same index. */
  readonly announced: readonly number[];
  readonly sentinels: readonly RedisNode[];
}

/** The offsets at this moment: of the old master, as it knows its replicas, and of the replicas themselves. */
export async function readOffsets({ nodes, announced }: Cast, old: RedisNode) {
  const fields = await Promise.all(
    nodes.map(async (node) => (await node.command('info', 'replication')) as string),
  );
  const oldAt = nodes.indexOf(old);
  const replicas = nodes.map((_, index) => index).filter((index) => index !== oldAt);
  const pairs = replicas.map((index) => [index, offset(fields[index]!, 'slave_repl_offset')] as const);
  const confirmed = [...fields[oldAt]!.matchAll(/port=(\d+),state=\w+,offset=(\d+)/g)].map(
    ([, port, bytes]) => [announced.indexOf(Number(port)), Number(bytes)] as const,
  );
  return {
    old: oldAt,
    written: offset(fields[oldAt]!, 'master_repl_offset'),
    confirmed: Object.fromEntries(confirmed),
    received: Object.fromEntries(pairs),
  };
}

/** Votes and promotions from the logs of the sentinels. `cutAt` is in milliseconds since the epoch. */
export async function sentinelEvents({ sentinels }: Cast, cutAt: number): Promise<string[]> {
  const logs = await Promise.all(sentinels.map((node) => node.log()));
  const events = logs.flatMap((log, index) =>
    [...log.matchAll(/^\d+:X (.+? \d\d:\d\d:\d\d\.\d{3}) [#*.-] (.*)$/gm)].map(([, time, text]) => ({
      at: Math.round(Date.parse(time!) - cutAt),
      text: `sentinel ${index}: ${text}`,
    })),
  );
  return events
    .filter(({ text }) =>
      /[+-](sdown|odown|try|vote|elected|selected|promoted|switch|tilt|failover)/.test(text),
    )
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, text }) => `${at} ${text}`);
}

function offset(text: string, field: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1]);
}
