import type { ClusterTopology } from './cluster.ts';
import type { RedisNode } from './redis-node.ts';

const migrateTimeoutMs = 1_000;

/**
 * A slot on its way from one master to another, with the keys moved one at a time: between the steps clients meet ASK,
 * TRYAGAIN and, at the end, MOVED.
 */
export class SlotMigration {
  readonly from: RedisNode;
  readonly to: RedisNode;
  readonly slot: number;
  readonly #cluster: ClusterTopology;

  constructor(
    cluster: ClusterTopology,
    slot: number,
    nodes: { readonly from: RedisNode; readonly to: RedisNode },
  ) {
    this.#cluster = cluster;
    this.slot = slot;
    this.from = nodes.from;
    this.to = nodes.to;
  }

  /** IMPORTING before MIGRATING: otherwise the old owner would send clients to a node that refuses them. */
  async begin(): Promise<void> {
    await this.#setSlot(this.to, 'importing', this.from);
    await this.#setSlot(this.from, 'migrating', this.to);
  }

  /** Moves one key; false when none is left on the old owner. */
  async moveOne(): Promise<boolean> {
    const [key] = (await this.from.command('cluster', 'getkeysinslot', this.slot, 1)) as string[];
    if (key === undefined) return false;
    await this.from.command('migrate', '127.0.0.1', this.to.port, key, 0, migrateTimeoutMs);
    return true;
  }

  /** Moves what is left and makes the new owner known, to itself first. */
  async finish(): Promise<void> {
    let moving = true;
    while (moving) moving = await this.moveOne();
    const others = this.#cluster.nodes.filter(({ running }) => running);
    const id = this.#idOf(this.to);
    await this.to.command('cluster', 'setslot', this.slot, 'node', id);
    await this.from.command('cluster', 'setslot', this.slot, 'node', id);
    for (const node of others) {
      const [role] = (await node.command('role')) as [string];
      if (role === 'master') await node.command('cluster', 'setslot', this.slot, 'node', id);
    }
  }

  #setSlot(node: RedisNode, state: 'importing' | 'migrating', other: RedisNode): Promise<unknown> {
    return node.command('cluster', 'setslot', this.slot, state, this.#idOf(other));
  }

  #idOf(node: RedisNode): string {
    return this.#cluster.ids.get(node)!;
  }
}
