import { join } from 'node:path';
import { sleep, systemClock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { createQueue, type Queue } from '@lockstep/task-queue';
import { eventually, loadHistory, recordHistory } from '@lockstep/testing';
import type { History, HistoryRecorder } from '@lockstep/testing';
import { startStandalone, type StandaloneServer } from '../servers/standalone.ts';
import { childBundle } from './child-bundle.ts';
import { Fleet } from './fleet.ts';
import { takeLeasesAway } from './lease-thief.ts';
import { machineNow } from './machine-clock.ts';
import { keptStormQueue, type Work } from './queues.ts';
import { scratchFolder } from './scratch-folder.ts';
import { SeededRandom } from './seeded-random.ts';
import { silentLogger } from './silent-logger.ts';
import { StallWatch, type Stall } from './stall-watch.ts';
import { sendUntilAcknowledged } from './stubborn-producer.ts';

export interface StormOptions {
  readonly tasks: number;
  readonly workers: number;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly kills: number;
  readonly restarts: number;
  readonly seed?: number | undefined;
  /** A safeguard that a control leaves out, so that the oracle has something to find. */
  readonly without?: 'persistence' | 'leases' | 'late-acknowledgement' | undefined;
  /** How long to wait for the last task. @defaultValue 120,000 */
  readonly drainMs?: number | undefined;
  /** Told now and then how far the storm is. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** When Redis was away, on the machine's clock: from its SIGKILL until it answered a PING. */
export interface Outage {
  readonly from: number;
  readonly until: number;
}

/** One life of a worker process, on the machine's clock. */
export interface Life {
  readonly name: string;
  readonly readyAt: number | undefined;
  readonly killedAt: number | undefined;
}

/** What the storm left behind; the oracle judges it. */
export interface StormRecord {
  readonly options: StormOptions;
  readonly seed: number;
  readonly history: History;
  readonly lives: readonly Life[];
  readonly outages: readonly Outage[];
  readonly stalls: readonly Stall[];
  /** Redis's own counters when everything had come to rest. */
  readonly counters: Readonly<Record<'enqueued' | 'completed' | 'reclaimed' | 'dead' | 'left', number>>;
  readonly tookMs: number;
  readonly redisVersion: string;
}

type StormQueue = Queue<ReturnType<typeof keptStormQueue>['tasks']>;

const queueName = 'storm';
const batch = 100;
/** More than this is not enqueued ahead of the workers: what is redelivered is then not hidden by a backlog. */
const longestBacklog = 4_000;
const drainMs = 120_000;
const faultsPerLine = 10;

/** Kills workers and Redis while tasks are produced and worked off; ends when all is done, or nothing moves any more. */
export async function runStorm(options: StormOptions): Promise<StormRecord> {
  await using folder = await scratchFolder();
  await using server = await startStandalone({
    appendonly: options.without === 'persistence' ? 'off' : 'always',
    // Rewritten often: this is about what survives a restart, not about how long a long file takes to load.
    config: ['auto-aof-rewrite-min-size 8mb'],
  });
  await using fleet = new Fleet(
    {
      role: options.without === 'late-acknowledgement' ? 'hasty' : 'storm',
      url: server.url,
      queue: queueName,
      leaseMs: options.leaseMs,
      concurrency: options.concurrency,
      folder: folder.path,
    },
    await childBundle(),
  );
  return await new Storm(options, server, fleet, folder.path).run();
}

class Storm {
  readonly #options: StormOptions;
  readonly #server: StandaloneServer;
  readonly #fleet: Fleet;
  readonly #random: SeededRandom;
  readonly #producerFile: string;
  readonly #history: HistoryRecorder;
  readonly #outages: Outage[] = [];
  readonly #startedAt = machineNow();
  #produced = 0;

  constructor(options: StormOptions, server: StandaloneServer, fleet: Fleet, folder: string) {
    this.#options = options;
    this.#server = server;
    this.#fleet = fleet;
    this.#random = new SeededRandom(options.seed);
    this.#producerFile = join(folder, 'producer.ndjson');
    this.#history = recordHistory({ process: 'producer', file: this.#producerFile, now: machineNow });
  }

  async run(): Promise<StormRecord> {
    using watch = new StallWatch();
    await using redis = await connect(this.#server.url, { logger: silentLogger });
    const queue = createQueue({ redis, ...keptStormQueue(queueName, this.#options.leaseMs) });
    await this.#fleet.start(this.#options.workers);
    await this.#rage(queue);
    await this.#comesToRest(queue);
    this.#tell('at rest');
    const { enqueued, completed, reclaimed, dead, ready, delayed, leased } = await queue.stats();
    const left = ready.critical + ready.high + ready.normal + ready.low + delayed + leased;
    // Reading the histories keeps this process busy: no stall of the machine.
    const stalls = [...watch.stalls];
    await this.#fleet[Symbol.asyncDispose]();
    this.#history[Symbol.dispose]();
    return {
      options: this.#options,
      seed: this.#random.seed,
      history: await loadHistory(this.#producerFile, ...this.#fleet.historyFiles),
      lives: this.#fleet.all.map(({ name, readyAt, killedAt }) => ({ name, readyAt, killedAt })),
      outages: this.#outages,
      stalls,
      counters: { enqueued, completed, reclaimed, dead, left },
      tookMs: machineNow() - this.#startedAt,
      redisVersion: (await this.#server.info('redis_version')) ?? 'unknown',
    };
  }

  /** Faults are spread evenly over the tasks, so that each of them hits a busy queue. */
  async #rage(queue: StormQueue): Promise<void> {
    const { tasks, kills, restarts, workers } = this.#options;
    const faults = kills + restarts;
    for (let fault = 0; fault < faults; fault += 1) {
      const due = Math.floor((tasks * (fault + 1)) / faults);
      // Without persistence: all tasks acknowledged and none run, so that there is something to lose for certain.
      if (this.#options.without === 'persistence') await queue.pause();
      const producing = this.#produce(queue, due);
      if (this.#options.without === 'persistence') await producing;
      if (this.#options.without === 'leases') await takeLeasesAway(this.#server, queueName);
      await sleep(systemClock, this.#random.between(0, 100));
      if (isRestart(fault, faults, restarts)) await this.#restartRedis();
      else await this.#fleet.killOne(this.#random);
      await producing;
      await this.#fleet.atLeast(Math.ceil(workers / 2));
      if ((fault + 1) % faultsPerLine === 0) this.#tell(`fault ${fault + 1} of ${faults}`);
    }
  }

  #tell(what: string): void {
    const seconds = Math.round((machineNow() - this.#startedAt) / 1_000);
    const redisAway = this.#outages.map(({ from, until }) => Math.round(until - from));
    this.#options.onProgress?.(
      `${seconds} s: ${what}, ${this.#produced} tasks enqueued, ${this.#fleet.working.length} processes work, ` +
        `Redis away ms [${redisAway.slice(-3).join(', ')}]`,
    );
  }

  async #produce(queue: StormQueue, until: number): Promise<void> {
    while (this.#produced < until) {
      const count = Math.min(batch, until - this.#produced);
      const entries = Array.from({ length: count }, (_, at) => ({
        name: 'work' as const,
        input: this.#work(),
        id: `task-${this.#produced + at}`,
      }));
      this.#produced += count;
      const ids = entries.map(({ id }) => id);
      await sendUntilAcknowledged(this.#history, ids, () => queue.enqueueMany(entries));
      await this.#backlogWithin(queue, longestBacklog);
    }
  }

  /** Mostly short tasks, some that a kill is likely to hit, a few that need their lease renewed. */
  #work(): Work {
    const kind = this.#random.next();
    if (kind < 0.8) return { ms: this.#random.between(0, 5) };
    if (kind < 0.99) return { ms: this.#random.between(10, 150) };
    return { ms: this.#random.between(200, Math.round(this.#options.leaseMs * 1.5)) };
  }

  async #backlogWithin(queue: StormQueue, most: number): Promise<void> {
    const lookAgain = { timeoutMs: drainMs, intervalMs: 50 };
    await eventually(async () => {
      const { ready } = await queue.stats();
      if (ready.normal > most) throw new Error(`${ready.normal} tasks wait`);
    }, lookAgain);
  }

  async #restartRedis(): Promise<void> {
    const from = machineNow();
    await this.#server.kill9();
    await sleep(systemClock, this.#random.between(0, 600));
    // A long append-only file takes longer to load than the harness waits.
    await this.#server.start().catch(() => this.#answers());
    this.#outages.push({ from, until: machineNow() });
  }

  async #answers(): Promise<void> {
    await eventually(() => this.#server.command('PING'), { timeoutMs: drainMs, intervalMs: 10 });
  }

  /** Not a verdict: what is lost never comes, and is the oracle's to report. */
  async #comesToRest(queue: StormQueue): Promise<void> {
    const all = async (): Promise<void> => {
      const { completed } = await queue.stats();
      if (completed < this.#options.tasks) throw new Error(`${completed} are done`);
    };
    const timeoutMs = this.#options.drainMs ?? drainMs;
    await eventually(all, { timeoutMs, intervalMs: 100 }).catch(() => undefined);
  }
}

function isRestart(fault: number, faults: number, restarts: number): boolean {
  return Math.floor(((fault + 1) * restarts) / faults) > Math.floor((fault * restarts) / faults);
}
