import { systemRandom } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { memoryFaults } from '@lockstep/redis/memory';
import { ManualClock, memoryConnection } from '@lockstep/testing';
import type { MastersHarness } from './masters-harness.ts';

type Command = (...args: unknown[]) => Promise<unknown>;

/** Simulated masters under one manual clock. */
export class MemoryMasters implements MastersHarness {
  readonly topology: string;
  readonly real = false;
  readonly clock = new ManualClock();
  readonly count: number;
  readonly #names: readonly string[];
  readonly #gates: (PromiseGate | undefined)[] = [];
  readonly #connections: Redis[][] = [];

  constructor(count: number) {
    this.count = count;
    this.topology = `${count} memory servers`;
    this.#names = Array.from({ length: count }, () => systemRandom.id());
  }

  async connect(): Promise<readonly Redis[]> {
    const { clock } = this;
    const opened = await Promise.all(
      this.#names.map((name) => memoryConnection({ name, clock, prefix: 'q:' })),
    );
    const connections = opened.map(({ redis }) => redis);
    connections.forEach((redis, master) => this.#gate(redis, master));
    this.#connections.push(connections);
    return connections;
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  uniqueName(): string {
    return `case-${systemRandom.id()}`;
  }

  freeze(master: number): Promise<void> {
    this.#gates[master] ??= new PromiseGate();
    return Promise.resolve();
  }

  thaw(master: number): Promise<void> {
    this.#gates[master]?.open();
    this.#gates[master] = undefined;
    return Promise.resolve();
  }

  async restartEmpty(...masters: number[]): Promise<void> {
    const connections = masters.flatMap((master) => this.#connections.map((process) => process[master]!));
    for (const redis of connections) memoryFaults(redis).disconnect();
    for (const master of masters) {
      const { redis, ...connection } = await memoryConnection({
        name: this.#names[master]!,
        clock: this.clock,
      });
      await (redis.client as unknown as { flushall: Command }).flushall();
      await connection[Symbol.asyncDispose]();
    }
    for (const redis of connections) memoryFaults(redis).reconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let master = 0; master < this.count; master += 1) await this.thaw(master);
    await Promise.all(this.#connections.flat().map((redis) => redis.close({ drainMs: 0, abortMs: 0 })));
  }

  /** Scripts wait at the gate of a frozen master, and are executed at the time of its thaw. */
  #gate(redis: Redis, master: number): void {
    const client = redis.client as unknown as Record<'evalsha' | 'eval', Command>;
    for (const name of ['evalsha', 'eval'] as const) {
      const execute = client[name];
      client[name] = async (...args) => {
        await this.#gates[master]?.opened;
        // The driver gives a script its time as the last argument; the server would read it when it executes.
        const onTime = [...args.slice(0, -1), `${(this.clock.now() * 1_000).toFixed(0)}.0`];
        return execute(...onTime);
      };
    }
  }
}

class PromiseGate {
  readonly opened: Promise<void>;
  open!: () => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}
