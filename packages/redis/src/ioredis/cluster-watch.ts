import { sleep, type Clock, type Random } from '@lockstep/core';
import type { ScriptArgument } from '../client.ts';
import type { ClusterClient } from './cluster-client.ts';
import { keySlot } from './key-slot.ts';
import { addressOf, type NodeClient } from './link.ts';

interface WatchParts {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
}

const firstPauseMs = 20;
const longestPauseMs = 250;

/**
 * Keeps a connection to the master of every slot. ioredis drops a node whose connection ends and looks again only when a
 * call is redirected; here the map is read again, with growing pauses, until each slot has a master that answers.
 */
export class ClusterWatch {
  readonly #parts: WatchParts;
  readonly #changed = new Set<() => void>();
  readonly #known = new WeakSet<NodeClient>();
  readonly #listeners: Readonly<Record<string, (...args: unknown[]) => void>>;
  #nodes: Map<string, NodeClient> | undefined;
  #masters = '';
  #healing = false;
  #stopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    const forget = (): void => (this.#nodes = undefined);
    this.#listeners = {
      ready: () => this.#look(),
      refresh: () => this.#look(),
      '+node': forget,
      '-node': () => {
        forget();
        this.heal();
      },
      // Told again by the call that fails; unheard it would be thrown.
      'node error': () => {},
    };
  }

  start(): void {
    for (const [event, listener] of Object.entries(this.#listeners)) this.#parts.client.on(event, listener);
    if (this.#parts.client.status === 'ready') this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#changed.clear();
    for (const [event, listener] of Object.entries(this.#listeners)) this.#parts.client.off(event, listener);
  }

  /** Calls `listener` when other servers may answer than before. Returns the remover. */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => void this.#changed.delete(listener);
  }

  /** The connection to the master of a key's slot, if it can take calls now. Without a key: to any master. */
  owner(key: ScriptArgument | undefined): NodeClient | undefined {
    const node = key === undefined ? this.#anyMaster() : this.#ownerOf(key);
    return node?.status === 'ready' ? node : undefined;
  }

  masters(): NodeClient[] {
    return this.#parts.client.nodes('master');
  }

  /** The node at an address as the last map names it. */
  nodeAt(address: string): NodeClient | undefined {
    this.#nodes ??= new Map(this.#parts.client.nodes('all').map((node) => [addressOf(node), node]));
    return this.#nodes.get(address);
  }

  /** Reads the map again until every slot's master is connected. Does nothing while it is at it. */
  heal(): void {
    if (this.#healing || this.#stopped) return;
    this.#healing = true;
    void this.#heal().finally(() => (this.#healing = false));
  }

  async #heal(): Promise<void> {
    const { clock, random } = this.#parts;
    let ceiling = firstPauseMs;
    while (this.#active()) {
      await this.#refresh();
      await sleep(clock, ceiling * (0.5 + random.next() / 2), { unref: true });
      if (this.#whole()) return;
      ceiling = Math.min(ceiling * 2, longestPauseMs);
    }
  }

  #active(): boolean {
    return !this.#stopped && this.#parts.client.status === 'ready';
  }

  #refresh(): Promise<void> {
    const { client } = this.#parts;
    return new Promise((resolve) => {
      client.refreshSlotsCache((error) => {
        // Every node it knew is gone, also those it never connected to: only the start-up nodes can help.
        if (error?.name === 'ClusterAllFailedError' && this.#active()) client.disconnect(true);
        resolve();
      });
    });
  }

  #look(): void {
    this.#nodes = undefined;
    // Before that, ioredis's own readiness check needs a node that nobody has begun to connect.
    if (this.#parts.client.status !== 'ready') return;
    const masters = this.masters();
    for (const node of masters) this.#connect(node);
    const addresses = masters.map(addressOf).toSorted().join();
    if (addresses === this.#masters) return;
    this.#masters = addresses;
    this.#tell();
  }

  /** A first call would connect it too, but would wait in ioredis, where it is sent after its caller gave up. */
  #connect(node: NodeClient): void {
    if (!this.#known.has(node)) {
      this.#known.add(node);
      if (node.status !== 'ready') node.on('ready', () => this.#tell());
    }
    if (node.status === 'wait') node.connect().catch(() => {});
  }

  #whole(): boolean {
    const owners = new Set(this.#parts.client.slots.map((addresses) => addresses?.[0]));
    owners.delete(undefined);
    for (const address of owners) if (this.nodeAt(address!)?.status !== 'ready') return false;
    return owners.size > 0;
  }

  #ownerOf(key: ScriptArgument): NodeClient | undefined {
    const slot = keySlot(typeof key === 'number' ? String(key) : key);
    const address = this.#parts.client.slots[slot]?.[0];
    return address === undefined ? undefined : this.nodeAt(address);
  }

  #anyMaster(): NodeClient | undefined {
    const ready = this.masters().filter((node) => node.status === 'ready');
    return ready[Math.floor(this.#parts.random.next() * ready.length)];
  }

  #tell(): void {
    for (const listener of [...this.#changed]) listener();
  }
}
