import { systemRandom } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import type { BehaviourHarness, HarnessConnectOptions } from './behaviour.ts';
import { ManualClock } from './manual-clock.ts';
import { memoryConnection } from './memory-connection.ts';
import type { MemoryConnection } from './memory-connection.ts';

/** The harness of a behaviour suite on `memory://`; its connections share one data set and one manual clock. */
export function memoryHarness(): MemoryHarness {
  return new MemoryHarness();
}

/** Made by {@link memoryHarness}. */
export class MemoryHarness implements BehaviourHarness {
  readonly topology = 'memory';
  readonly real = false;
  readonly clock = new ManualClock();
  readonly #name = systemRandom.id();
  readonly #connections: MemoryConnection[] = [];

  async connect(options: HarnessConnectOptions = {}): Promise<Redis> {
    const connection = await memoryConnection({
      prefix: 'test:',
      ...options,
      name: this.#name,
      clock: this.clock,
    });
    this.#connections.push(connection);
    return connection.redis;
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  uniqueName(): string {
    return `case-${systemRandom.id()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#connections.splice(0);
    await Promise.all(open.map((connection) => connection[Symbol.asyncDispose]()));
  }
}
