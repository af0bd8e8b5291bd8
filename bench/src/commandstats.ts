import type { Redis } from 'ioredis';

/** How often Redis executed each command since it was last asked to forget. */
export type CommandCounts = ReadonlyMap<string, number>;

export interface CommandCost {
  /** Commands that clients sent, per operation. A script is one of them. */
  readonly sent: number;
  /** All that Redis executed, inside scripts too, per operation. */
  readonly executed: number;
  /** `executed` by command, largest first. */
  readonly byCommand: readonly (readonly [command: string, perOperation: number])[];
}

/** Of our own doing, so no operation's cost. */
const observers = new Set(['info', 'monitor', 'config|resetstat', 'client|list', 'memory|usage', 'dbsize']);

/** How long scripts wait until MONITOR is on. Nothing is timed meanwhile. */
const settlingMs = 200;

export async function readCommandCounts(redis: Redis): Promise<CommandCounts> {
  const counts = new Map<string, number>();
  for (const [, command, calls] of (await redis.info('commandstats')).matchAll(
    /^cmdstat_([^:]+):calls=(\d+)/gm,
  )) {
    if (!observers.has(command!)) counts.set(command!, Number(calls));
  }
  return counts;
}

/**
 * Commands per operation while `work` runs. INFO gives what was executed, but not where it came from; MONITOR marks what
 * came out of a script. MONITOR slows Redis, so nothing is timed meanwhile.
 */
export async function commandCost(
  redis: Redis,
  operations: number,
  work: () => Promise<unknown>,
): Promise<CommandCost> {
  // Else the first lines of MONITOR may come in one piece with its OK, which ioredis does not expect.
  await redis.call('client', 'pause', String(settlingMs), 'write');
  const monitor = await redis.monitor();
  let sent = 0;
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua' && !observers.has(args[0]!.toLowerCase())) sent += 1;
  });
  const before = await readCommandCounts(redis);
  await work();
  const after = await readCommandCounts(redis);
  await monitorCaughtUp(redis, monitor);
  monitor.disconnect();
  const byCommand = [...after]
    .map(([command, calls]) => [command, (calls - (before.get(command) ?? 0)) / operations] as const)
    .filter(([, perOperation]) => perOperation > 0)
    .toSorted(([, a], [, b]) => b - a);
  return {
    sent: sent / operations,
    executed: byCommand.reduce((sum, [, perOperation]) => sum + perOperation, 0),
    byCommand,
  };
}

/** The feed is in order: once it shows a command sent now, it has shown all before. */
async function monitorCaughtUp(redis: Redis, monitor: Redis): Promise<void> {
  const mark = `info-${process.pid}-${Math.random()}`;
  const seen = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, args: string[]) => {
      if (args[1] === mark) resolve();
    });
  });
  await redis.info(mark);
  await seen;
}
