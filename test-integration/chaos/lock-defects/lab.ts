import { once } from 'node:events';
import { Redis } from 'ioredis';
import { faultProxy, type FaultProxy } from '@lockstep/testing';
import type { Fault, FromChild } from './cell.ts';
import type { Contestant, OpenLocks } from './contestant.ts';

/** What a script works with: one library, and servers that fail on demand. */
export class Lab {
  readonly contestant: Contestant;
  readonly urls: readonly string[];
  readonly #admins: Redis[];
  #names = 0;

  constructor(contestant: Contestant, urls: readonly string[]) {
    this.contestant = contestant;
    this.urls = urls;
    this.#admins = urls.map((url) => new Redis(url));
  }

  /** A process of the library on these servers, by default all, that has taken and released one lock already. */
  async open(urls: readonly string[] = this.urls): Promise<OpenLocks> {
    const locks = await this.contestant.open(urls);
    const warm = await locks.acquire(this.name(), { ttlMs: 5_000, waitMs: 1_000 });
    await warm.release();
    return locks;
  }

  name(): string {
    this.#names += 1;
    return `defect-${process.pid}-${this.#names}`;
  }

  proxies(): Promise<FaultProxy[]> {
    return Promise.all(this.urls.map((url) => faultProxy(url)));
  }

  /** Freezes a server: it takes commands and answers none. */
  stop(...nodes: readonly number[]): Promise<void> {
    return this.#each(nodes.map((node) => ({ do: 'stop', node })));
  }

  cont(...nodes: readonly number[]): Promise<void> {
    return this.#each(nodes.map((node) => ({ do: 'cont', node })));
  }

  flushScripts(): Promise<void> {
    return this.#each([{ do: 'flush-scripts' }]);
  }

  /** Takes the lock for somebody else on the first `nodes` servers. */
  async occupy(name: string, nodes: number): Promise<void> {
    const key = this.contestant.keyOf(name);
    await Promise.all(
      this.#admins.slice(0, nodes).map((admin) => admin.set(key, 'somebody else', 'PX', 60_000)),
    );
  }

  async remove(name: string): Promise<void> {
    await Promise.all(this.#admins.map((admin) => admin.del(this.contestant.keyOf(name))));
  }

  /** On how many servers it is held. */
  async heldOn(name: string): Promise<number> {
    const found = await Promise.all(this.#admins.map((admin) => admin.exists(this.contestant.keyOf(name))));
    return found.reduce((sum, one) => sum + one, 0);
  }

  /** How many scripts the first server has executed so far. */
  async scripts(): Promise<number> {
    const info = await this.#admins[0]!.info('commandstats');
    const calls = [...info.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, count]) => Number(count));
    return calls.reduce((sum, count) => sum + count, 0);
  }

  async #each(faults: readonly Fault[]): Promise<void> {
    for (const fault of faults) {
      process.send!({ fault } satisfies FromChild);
      await once(process, 'message');
    }
  }
}
