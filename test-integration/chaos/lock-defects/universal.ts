import type { Contestant } from './contestant.ts';
import { rival, rivalClients, type RivalClient } from './rivals.ts';

interface Handle {
  readonly acquiredAt: number;
  readonly ttl: number;
}
interface Lock {
  acquire(): Promise<Handle>;
  release(handle: Handle): Promise<unknown>;
  extend(handle: Handle, ttlMs: number): Promise<boolean>;
  isLocked(name: string): Promise<boolean>;
  using(work: (signal: AbortSignal) => Promise<void>): Promise<unknown>;
}
interface Config {
  readonly key: string;
  readonly ttl: number;
  readonly retryAttempts?: number;
  readonly quorum?: number;
}
interface Universal {
  readonly IoredisAdapter: new (client: RivalClient, options: { readonly timeout: number }) => object;
  readonly createLock: (config: Config & { readonly adapter: object }) => Lock;
  readonly createRedlock: (config: Config & { readonly adapters: readonly object[] }) => Lock;
}

/** Its deadline for a node; 5 s by default, which would only make the scripts longer. */
const nodeTimeoutMs = 500;

export const universal: Contestant = {
  name: 'redlock-universal',
  keyOf: (name) => name,
  async open(urls, { cluster } = {}) {
    const { IoredisAdapter, createLock, createRedlock } = rival<Universal>('redlock-universal');
    const clients = await rivalClients(urls, cluster);
    const adapters = clients.map((client) => new IoredisAdapter(client, { timeout: nodeTimeoutMs }));
    const make = (config: Config): Lock =>
      adapters.length === 1
        ? createLock({ ...config, adapter: adapters[0]! })
        : createRedlock({ ...config, adapters });
    return {
      async acquire(name, { ttlMs, waitMs }) {
        const lock = make({ key: name, ttl: ttlMs, retryAttempts: Math.ceil(waitMs / 100) });
        const handle = await lock.acquire();
        return {
          isValid: () => handle.acquiredAt + handle.ttl > Date.now(),
          release: () => lock.release(handle),
          async extend(ms) {
            if (!(await lock.extend(handle, ms))) throw new Error('not extended');
          },
        };
      },
      keep: (name, { ttlMs }, work) =>
        make({ key: name, ttl: ttlMs }).using((signal) =>
          work({ told: () => signal.aborted, believes: () => !signal.aborted }),
        ),
      isLocked: (name) => make({ key: name, ttl: 10_000 }).isLocked(name),
    };
  },
  async takesQuorumOfOne(urls) {
    const { IoredisAdapter, createRedlock } = rival<Universal>('redlock-universal');
    const clients = await rivalClients(urls);
    const adapters = clients.map((client) => new IoredisAdapter(client, { timeout: nodeTimeoutMs }));
    try {
      createRedlock({ key: 'quorum', ttl: 1_000, quorum: 1, adapters });
      return true;
    } catch {
      return false;
    }
  },
};
