import { sleep, systemClock, systemRandom } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import type { Redis } from '@lockstep/redis';
import { afterAll, describe } from 'vitest';
import { quorumBehaviour } from '../../packages/lock/test/quorum.behaviour.ts';
import type { MastersHarness } from '../../packages/lock/test/quorum/masters-harness.ts';
import { silent } from '../../packages/lock/test/behaviour/setup.ts';
import { startMasters } from '../src/servers/masters.ts';
import type { IndependentMasters } from '../src/servers/masters.ts';

/** Masters of our own: a quorum suite freezes and restarts them. */
class RealMasters implements MastersHarness {
  readonly topology: string;
  readonly real = true;
  readonly clock = systemClock;
  readonly count: number;
  readonly #connections: Redis[] = [];
  #masters: Promise<IndependentMasters> | undefined;

  constructor(count: number) {
    this.count = count;
    this.topology = `${count} masters`;
  }

  async connect(): Promise<readonly Redis[]> {
    const { urls } = await this.#start();
    const prefix = 'q:';
    const connections = await Promise.all(urls.map((url) => connect(url, { prefix, logger: silent })));
    this.#connections.push(...connections);
    return connections;
  }

  advance(ms: number): Promise<void> {
    return sleep(systemClock, ms);
  }

  uniqueName(): string {
    return `case-${systemRandom.id()}`;
  }

  async freeze(master: number): Promise<void> {
    await (await this.#start()).nodes[master]!.stop();
  }

  async thaw(master: number): Promise<void> {
    await (await this.#start()).nodes[master]!.cont();
  }

  async restartEmpty(...masters: number[]): Promise<void> {
    const { nodes } = await this.#start();
    await Promise.all(masters.map((master) => nodes[master]!.kill9()));
    await Promise.all(masters.map((master) => nodes[master]!.start()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.map((redis) => redis.close({ drainMs: 0, abortMs: 0 })));
    await (await this.#start())[Symbol.asyncDispose]();
  }

  #start(): Promise<IndependentMasters> {
    return (this.#masters ??= startMasters({ count: this.count }));
  }
}

describe.each([3, 5])('lock on %i masters', (count) => {
  const harness = new RealMasters(count);
  afterAll(() => harness[Symbol.asyncDispose]());
  quorumBehaviour(harness);
});
