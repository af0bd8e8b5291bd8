import { join } from 'node:path';
import { sleep, systemClock } from '@lockstep/core';
import { connect, type Redis } from '@lockstep/redis';
import { createQueue, type Queue } from '@lockstep/task-queue';
import { eventually, loadHistory, operationsOf, type Operation } from '@lockstep/testing';
import type { StandaloneServer } from '../servers/standalone.ts';
import { startProcess, type QueueProcess } from './child-process.ts';
import { machineNow } from './machine-clock.ts';
import { pausedQueue } from './queues.ts';
import { note, tokenNoted } from './notes.ts';
import { silentLogger } from './silent-logger.ts';

/** What became of one task whose holder was frozen beyond its lease. */
export interface PausedTask {
  readonly id: string;
  /** From the first thing that the thawed process did to the abort of the handler's signal. */
  readonly toldAfterMs: number;
  /** Told with `LeaseLostError`, and the lease said of itself that it was over. */
  readonly toldRight: boolean;
  /** Its late completion was reported as refused. */
  readonly refused: boolean;
  /** What `result()` says. */
  readonly completedBy: unknown;
  /** The late handler's write to a resource that checks no token came last: the control. */
  readonly unfencedOverwrite: boolean;
}

export interface PauseOptions {
  readonly lane: string;
  readonly folder: string;
  readonly pauses: number;
  readonly tasksPerPause: number;
  readonly leaseMs: number;
}

type PausedQueue = Queue<ReturnType<typeof pausedQueue>['tasks']>;

const waitMs = 30_000;

/** Freezes one worker process again and again while it holds tasks, and completes these elsewhere meanwhile. */
export async function pauseWorker(
  server: StandaloneServer,
  options: PauseOptions,
): Promise<readonly PausedTask[]> {
  const { lane, folder, leaseMs, tasksPerPause } = options;
  const historyFile = join(folder, `${lane}.ndjson`);
  await using redis = await connect(server.url, { logger: silentLogger });
  const queue = createQueue({ redis, ...pausedQueue(lane, leaseMs) });
  await using child = await startProcess({
    role: 'paused',
    name: lane,
    url: server.url,
    queue: lane,
    historyFile,
    leaseMs,
    concurrency: tasksPerPause,
  });
  await child.ready;
  const resumedAt = new Map<string, number>();
  for (let pause = 0; pause < options.pauses; pause += 1) {
    const ids = Array.from({ length: tasksPerPause }, (_, at) => `${pause}-${at}`);
    const at = await pauseOnce(redis, queue, child, ids, leaseMs);
    for (const id of ids) resumedAt.set(id, at);
  }
  return await judge(redis, queue, historyFile, resumedAt);
}

/** Gives the moment of SIGCONT. */
async function pauseOnce(
  redis: Redis,
  queue: PausedQueue,
  child: QueueProcess,
  ids: readonly string[],
  leaseMs: number,
): Promise<number> {
  await queue.enqueueMany(ids.map((id) => ({ name: 'hold', input: null, id })));
  await noted(redis, queue.name, 'begun', ids);
  child.signal('SIGSTOP');
  await sleep(systemClock, leaseMs);
  await completeAll(redis, queue, ids.length);
  const resumedAt = machineNow();
  child.signal('SIGCONT');
  await noted(redis, queue.name, 'ended', ids);
  return resumedAt;
}

async function completeAll(redis: Redis, queue: PausedQueue, count: number): Promise<void> {
  for (let done = 0; done < count;) {
    const leases = await queue.receive({ max: count - done, waitMs, visibilityTimeoutMs: waitMs });
    if (leases.length === 0) throw new Error(`${count - done} tasks of a frozen worker did not come back`);
    for (const lease of leases) {
      await note(redis, queue.name, 'effects', lease.id, lease.fencingToken);
      await lease.complete('survivor');
    }
    done += leases.length;
  }
}

async function noted(redis: Redis, queue: string, what: string, ids: readonly string[]): Promise<void> {
  const looked = { timeoutMs: waitMs, intervalMs: 5 };
  await eventually(async () => {
    const tokens = await Promise.all(ids.map((id) => tokenNoted(redis, queue, what, id)));
    if (tokens.includes(0)) throw new Error(`not all of ${ids.length} tasks have ${what}`);
  }, looked);
}

async function judge(
  redis: Redis,
  queue: PausedQueue,
  historyFile: string,
  resumedAt: ReadonlyMap<string, number>,
): Promise<PausedTask[]> {
  const operations = await eventually(async () => {
    const found = operationsOf(await loadHistory(historyFile));
    if (found.filter(({ f }) => f === 'refused').length < resumedAt.size)
      throw new Error('refusals are missing');
    return found;
  }).catch(async () => operationsOf(await loadHistory(historyFile)));
  const tasks: PausedTask[] = [];
  for (const [id, resumed] of resumedAt) {
    const told = operations.find(({ f, key }) => f === 'told' && key === id);
    const outcome = await queue.result(id, { timeoutMs: 0 });
    tasks.push({
      id,
      toldAfterMs: (told?.completedAt ?? Infinity) - firstSign(operations, resumed),
      toldRight: told?.output === true,
      refused: operations.some(({ f, key, token }) => f === 'refused' && key === id && token === told?.token),
      completedBy: outcome.status === 'completed' ? outcome.output : outcome.status,
      unfencedOverwrite: (await tokenNoted(redis, queue.name, 'effects', id)) === told?.token,
    });
  }
  return tasks;
}

/** When a thawed process first did anything: before, the machine had not given it the CPU. */
function firstSign(operations: readonly Operation[], resumed: number): number {
  const signs = operations.flatMap(({ f, invokedAt, completedAt }) => [
    f === 'woke' ? invokedAt : completedAt,
  ]);
  return signs.reduce((least, at) => (at > resumed && at < least ? at : least), Infinity);
}
