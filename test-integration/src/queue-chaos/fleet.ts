import { join } from 'node:path';
import type { ChildSpec } from './child-spec.ts';
import { QueueProcess } from './child-process.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What all processes of a fleet have in common. */
export type FleetSpec = Omit<ChildSpec, 'name' | 'historyFile'> & {
  /** A folder for the histories, a file per process. */
  readonly folder: string;
};

/** Worker processes of which one that dies is replaced at once. */
export class Fleet implements AsyncDisposable {
  readonly #spec: FleetSpec;
  readonly #entry: string;
  readonly #all: QueueProcess[] = [];

  /** `entry` is what `childBundle` made. */
  constructor(spec: FleetSpec, entry: string) {
    this.#spec = spec;
    this.#entry = entry;
  }

  /** Every process there ever was. */
  get all(): readonly QueueProcess[] {
    return this.#all;
  }

  get working(): readonly QueueProcess[] {
    return this.#all.filter(({ working }) => working);
  }

  get historyFiles(): readonly string[] {
    return this.#all.map(({ spec }) => spec.historyFile);
  }

  add(): QueueProcess {
    const { folder, ...rest } = this.#spec;
    const name = `worker-${this.#all.length + 1}`;
    const started = new QueueProcess(
      { ...rest, name, historyFile: join(folder, `${name}.ndjson`) },
      this.#entry,
    );
    this.#all.push(started);
    return started;
  }

  /** Starts this many and waits until all of them work. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.add().ready));
  }

  /** SIGKILL for one that works, chosen by `random`, and a new one in its place. */
  async killOne(random: SeededRandom): Promise<void> {
    const victim = random.pick(this.working);
    await victim.kill();
    this.add();
  }

  /** Waits until at least this many work. */
  async atLeast(count: number): Promise<void> {
    while (this.working.length < count) {
      const starting = this.#all.filter(
        ({ readyAt, killedAt }) => readyAt === undefined && killedAt === undefined,
      );
      await Promise.race(starting.map(({ ready }) => ready));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((process) => process.kill()));
  }
}
