import { join } from 'node:path';
import { sleep, systemClock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { faultProxy, loadHistory, operationsOf, type FaultProxy, type History } from '@lockstep/testing';
import { machineNow } from '../queue-chaos/machine-clock.ts';
import { scratchFolder } from '../queue-chaos/scratch-folder.ts';
import { SeededRandom } from '../queue-chaos/seeded-random.ts';
import { silentLogger } from '../queue-chaos/silent-logger.ts';
import { startMasters } from '../servers/masters.ts';
import { GrantCounter } from './grant-counter.ts';
import type { HolderProcess } from './holder-process.ts';
import { startHolder } from './holder-process.ts';
import { Resource } from './resource.ts';

export interface LockStormOptions {
  readonly processes: number;
  readonly lanes: number;
  /** How many locks they fight for. */
  readonly locks: number;
  readonly ttlMs: number;
  /** Ends when so many acquisitions were granted. */
  readonly grants: number;
  /** 1 for one Redis, more for a quorum. */
  readonly masters: number;
  /** Off in the control: the resource then takes whatever comes. */
  readonly fenced: boolean;
  /** The share of holds that outlast the time to live. @defaultValue 0.03 */
  readonly longHolds?: number | undefined;
  readonly seed?: number | undefined;
  /** @defaultValue 600,000 */
  readonly timeoutMs?: number | undefined;
}

export interface LockStormRecord {
  readonly seed: number;
  readonly history: History;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly accepted: number;
  readonly stale: number;
  readonly tookMs: number;
}

const faults = ['kill', 'pause', 'partition', 'reset'] as const;
type Fault = (typeof faults)[number];

interface Seat {
  readonly proxies: readonly FaultProxy[];
  holder: HolderProcess;
}

/** Kills, stops and cuts off processes that take locks and write under them. */
export async function runLockStorm(options: LockStormOptions): Promise<LockStormRecord> {
  const startedAt = machineNow();
  await using folder = await scratchFolder();
  await using masters = await startMasters({ count: options.masters });
  await using apart = await startMasters({ count: 1 });
  const storm = new LockStorm(options, folder.path, masters.urls, apart.urls[0]!);
  await using _ = storm;
  await storm.run();
  await using redis = await connect(apart.urls[0]!, { logger: silentLogger });
  return {
    seed: storm.seed,
    history: await storm.history(),
    faults: storm.faults,
    ...(await new Resource(redis).audit(storm.names)),
    tookMs: machineNow() - startedAt,
  };
}

class LockStorm implements AsyncDisposable {
  readonly names: readonly string[];
  readonly faults: Record<Fault, number> = { kill: 0, pause: 0, partition: 0, reset: 0 };
  readonly #options: LockStormOptions;
  readonly #folder: string;
  readonly #lockUrls: readonly string[];
  readonly #resourceUrl: string;
  readonly #random: SeededRandom;
  readonly #seats: Seat[] = [];
  readonly #all: HolderProcess[] = [];
  readonly #grants = new GrantCounter();

  constructor(options: LockStormOptions, folder: string, lockUrls: readonly string[], resourceUrl: string) {
    this.#options = options;
    this.#folder = folder;
    this.#lockUrls = lockUrls;
    this.#resourceUrl = resourceUrl;
    this.#random = new SeededRandom(options.seed);
    this.names = Array.from({ length: options.locks }, (_, index) => `lock-${index}`);
  }

  get seed(): number {
    return this.#random.seed;
  }

  async run(): Promise<void> {
    const { processes, grants, timeoutMs = 600_000 } = this.#options;
    await Promise.all(Array.from({ length: processes }, () => this.#takeSeat()));
    const end = machineNow() + timeoutMs;
    let granted = 0;
    while (granted < grants && machineNow() < end) {
      await Promise.all([this.#strike(), sleep(systemClock, this.#random.between(50, 250))]);
      granted = await this.#granted();
    }
    // What was stopped goes on, and writes what it had in mind.
    await sleep(systemClock, 3 * this.#options.ttlMs);
    await Promise.all(this.#seats.map(({ holder }) => holder.kill()));
  }

  /** What the processes wrote, and for each that was killed the end of what it held then. */
  async history(): Promise<History> {
    const written = await loadHistory(...this.#all.map(({ spec }) => spec.historyFile));
    const ended = new Set<string>();
    for (const { f, process, token } of operationsOf(written)) {
      if (f === 'release' || f === 'lost') ended.add(`${process} ${token}`);
    }
    const killedAt = new Map(this.#all.map(({ spec, killedAt: at }) => [spec.name, at]));
    const deaths: History = operationsOf(written)
      .filter(
        ({ f, type, process, token }) =>
          f === 'acquire' && type === 'ok' && !ended.has(`${process} ${token}`),
      )
      .flatMap(({ process, key, token }, index) => {
        const at = killedAt.get(process)!;
        const death = { process, op: 1e9 + index, f: 'lost', key, token, at } as const;
        return [
          { ...death, type: 'invoke' as const },
          { ...death, type: 'ok' as const },
        ];
      });
    return [...written, ...deaths].sort((a, b) => a.at - b.at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((holder) => holder.kill()));
    await Promise.all(this.#seats.flatMap(({ proxies }) => proxies.map((proxy) => proxy.close())));
  }

  async #takeSeat(): Promise<void> {
    const proxies = await Promise.all(this.#lockUrls.map((url) => faultProxy(url)));
    this.#seats.push({ proxies, holder: await this.#start(proxies) });
  }

  async #start(proxies: readonly FaultProxy[]): Promise<HolderProcess> {
    const name = `holder-${this.#all.length + 1}-${this.#random.between(0, 1e6)}`;
    const { ttlMs, lanes, fenced, longHolds = 0.03 } = this.#options;
    const holder = await startHolder({
      name,
      lockUrls: proxies.map(({ url }) => url),
      resourceUrl: this.#resourceUrl,
      names: this.names,
      ttlMs,
      lanes,
      longHolds,
      fenced,
      historyFile: join(this.#folder, `${name}.ndjson`),
      seed: this.#random.between(0, 2 ** 31),
    });
    this.#all.push(holder);
    return holder;
  }

  async #strike(): Promise<void> {
    const seat = this.#random.pick(this.#seats);
    if (seat.holder.stopped) return;
    const fault = this.#random.pick(faults);
    this.faults[fault] += 1;
    if (fault === 'kill') {
      await seat.holder.kill();
      seat.holder = await this.#start(seat.proxies);
    } else if (fault === 'pause') this.#pause(seat.holder);
    else if (fault === 'reset') for (const proxy of seat.proxies) proxy.reset();
    else this.#cut(seat);
  }

  /** Beyond the time to live: it wakes up with a lease that is over. */
  #pause(holder: HolderProcess): void {
    holder.stop();
    const { ttlMs } = this.#options;
    systemClock.setTimer(() => holder.continue(), this.#random.between(ttlMs / 2, 2 * ttlMs));
  }

  #cut({ proxies }: Seat): void {
    const direction = this.#random.pick(['both', 'replies', 'requests'] as const);
    for (const proxy of proxies) proxy.hold(direction);
    const { ttlMs } = this.#options;
    systemClock.setTimer(
      () => {
        for (const proxy of proxies) proxy.resume(direction);
      },
      this.#random.between(ttlMs / 2, 2 * ttlMs),
    );
  }

  #granted(): Promise<number> {
    return this.#grants.count(this.#all.map(({ spec }) => spec.historyFile));
  }
}
