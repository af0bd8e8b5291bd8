import { systemRandom } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import type { Redis } from '@lockstep/redis';
import { Redis as Client } from 'ioredis';
import { silent } from '../../packages/lock/test/behaviour/setup.ts';
import { redlockBehaviour } from '../../packages/lock/test/redlock.behaviour.ts';
import type { SharedServers } from '../../packages/lock/test/redlock.behaviour.ts';
import { startMasters } from '../src/servers/masters.ts';
import type { IndependentMasters } from '../src/servers/masters.ts';

class Masters implements SharedServers {
  readonly title: string;
  readonly #count: number;
  readonly #open: (() => Promise<unknown> | void)[] = [];
  #started: Promise<IndependentMasters> | undefined;
  #clients: Client[] | undefined;

  constructor(count: number) {
    this.#count = count;
    this.title = count === 1 ? 'one server' : `${count} masters`;
  }

  async connect(): Promise<readonly Redis[]> {
    const { urls } = await this.#start();
    return Promise.all(
      urls.map(async (url) => {
        const redis = await connect(url, { prefix: '', logger: silent });
        this.#open.push(() => redis.close());
        return redis;
      }),
    );
  }

  async clients(): Promise<readonly unknown[]> {
    const { urls } = await this.#start();
    this.#clients ??= urls.map((url) => {
      const client = new Client(url);
      this.#open.push(() => client.disconnect());
      return client;
    });
    return this.#clients;
  }

  uniqueName(): string {
    return `shared-${systemRandom.id()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map(async (close) => close()));
    await (await this.#start())[Symbol.asyncDispose]();
  }

  #start(): Promise<IndependentMasters> {
    return (this.#started ??= startMasters({ count: this.#count }));
  }
}

redlockBehaviour(new Masters(1));
redlockBehaviour(new Masters(3));
