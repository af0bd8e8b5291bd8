import type { PooledClient } from '../client.ts';
import type { ClientLink } from '../driver.ts';
import type { ClusterClient } from './cluster-client.ts';
import { endClient, type IoredisClient } from './link.ts';

/** An ioredis client, or Cluster, that one caller at a time has for itself. */
export class IoredisClientLink implements ClientLink {
  readonly client: PooledClient;
  readonly #inner: IoredisClient;
  #reason: unknown;

  constructor(client: IoredisClient) {
    this.#inner = client;
    this.client = client as unknown as PooledClient;
    // connect() itself only says that the connection was closed.
    client.on('error', (error: unknown) => (this.#reason = error));
  }

  async open(onLost: () => void): Promise<void> {
    try {
      await this.#inner.connect();
    } catch (error) {
      this.close();
      throw this.#reason ?? error;
    }
    this.#inner.on('end', onLost);
    if (!this.isReady()) onLost();
  }

  isReady(): boolean {
    return this.#inner.status === 'ready';
  }

  async clean(): Promise<boolean> {
    // Inside an open MULTI the reply is QUEUED; behind a blocked command there is none; a subscriber refuses.
    const replies = await Promise.all(this.#sockets().map((socket) => socket.unwatch()));
    return replies.every((reply) => reply === 'OK') && this.isReady();
  }

  close(): void {
    endClient(this.#inner);
  }

  /** WATCH belongs to a socket, and a Cluster has one per node. */
  #sockets(): readonly PooledClient[] {
    if (!this.#inner.isCluster) return [this.client];
    const nodes = (this.#inner as ClusterClient).nodes('all') as unknown as PooledClient[];
    return nodes.filter((node) => node.status === 'ready');
  }
}
