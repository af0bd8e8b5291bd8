import { sleep, systemClock, systemRandom } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import type { Redis } from '@lockstep/redis';
import type { BehaviourHarness, HarnessConnectOptions } from '@lockstep/testing';
import { Redis as Client } from 'ioredis';
import { inject } from 'vitest';
import type { RealTopology } from './topologies.ts';

/** The harness of a behaviour suite on one of the shared real servers, behind a prefix of its own. */
export function realHarness(topology: RealTopology): BehaviourHarness {
  return new RealHarness(topology);
}

class RealHarness implements BehaviourHarness {
  readonly topology: RealTopology;
  readonly real = true;
  readonly clock = systemClock;
  readonly #prefix = `t-${systemRandom.id()}:`;
  readonly #connections: Redis[] = [];

  constructor(topology: RealTopology) {
    this.topology = topology;
  }

  async connect(options: HarnessConnectOptions = {}): Promise<Redis> {
    const url = inject('redis').urls[this.topology];
    if (url === undefined) throw new Error(`no ${this.topology} was started`);
    const redis = await connect(url, { prefix: this.#prefix, ...options });
    this.#connections.push(redis);
    return redis;
  }

  advance(ms: number): Promise<void> {
    return sleep(systemClock, ms);
  }

  uniqueName(): string {
    return `case-${systemRandom.id()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.splice(0).map((redis) => redis.close()));
    const { rung, urls } = inject('redis');
    // Servers that we started vanish with their data; the one behind REDIS_URL is someone's.
    if (rung === 'url' && this.topology === 'standalone') await removeKeys(urls.standalone!, this.#prefix);
  }
}

const scanCount = 1_000;

async function removeKeys(url: string, prefix: string): Promise<void> {
  const client = new Client(url);
  try {
    for await (const keys of client.scanStream({ match: `*${prefix}*`, count: scanCount })) {
      if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
    }
  } finally {
    client.disconnect();
  }
}
