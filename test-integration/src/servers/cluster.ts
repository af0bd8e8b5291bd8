import { randomBytes } from 'node:crypto';
import { eventually } from '@lockstep/testing';
import type { Site } from '../site/site.ts';
import { NodeGroup, startGroup } from './node-group.ts';
import type { GroupOptions } from './node-group.ts';
import { RedisNode } from './redis-node.ts';
import { inSync } from './replica.ts';
import { serverConfig } from './server-config.ts';
import type { ServerConfigOptions } from './server-config.ts';
import { SlotMigration } from './slot-migration.ts';

export interface ClusterOptions extends GroupOptions, ServerConfigOptions {
  /** After how much silence a node counts as failing. @defaultValue 1,000 */
  readonly nodeTimeoutMs?: number | undefined;
}

const masters = 3;
const nodeCount = 6;
const slots = 16_384;

/** Three masters with a replica each; node n + 3 starts as the replica of node n. */
export class ClusterTopology extends NodeGroup {
  readonly ids: ReadonlyMap<RedisNode, string>;

  constructor(site: Site, options: ClusterOptions) {
    const members = site.ports.map((port) => ({ port, id: randomBytes(20).toString('hex') }));
    const nodes = members.map(({ port }, index) => clusterNode(site, port, members, index, options));
    super(site, nodes);
    this.ids = new Map(nodes.map((node, index) => [node, members[index]!.id]));
  }

  /** The form that `connect()` takes. */
  get url(): string {
    return `redis+cluster://${this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  /** The slot of a key. */
  async slotOf(key: string): Promise<number> {
    return Number(await this.#anyNode().command('cluster', 'keyslot', key));
  }

  /** The master that serves a slot, as the running nodes see it. */
  async ownerOf(slot: number): Promise<RedisNode> {
    type Range = [from: number, to: number, master: [host: string, port: number]];
    const ranges = (await this.#anyNode().command('cluster', 'slots')) as Range[];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    if (range === undefined) throw new Error(`nobody serves slot ${slot}`);
    return this.nodeAt(range[2][1]);
  }

  /** Waits until a slot is served by another node than this one and the cluster is whole; gives the new owner. */
  failedOverFrom(old: RedisNode, slot: number): Promise<RedisNode> {
    return eventually(
      async () => {
        const owner = await this.ownerOf(slot);
        if (owner === old) throw new Error(`slot ${slot} is still served by port ${old.port}`);
        await assertWhole(owner);
        return owner;
      },
      { timeoutMs: 20_000 },
    );
  }

  /** From now on no silence is long enough for a failover: on a busy machine one may follow the one that is tested. */
  async keepMasters(): Promise<void> {
    const running = this.nodes.filter(({ answers }) => answers);
    await Promise.all(running.map((node) => node.command('config', 'set', 'cluster-node-timeout', 60_000)));
  }

  /** Begins to move a slot to another master while clients use it; see {@link SlotMigration}. */
  async migrateSlot(slot: number, to: RedisNode): Promise<SlotMigration> {
    const migration = new SlotMigration(this, slot, { from: await this.ownerOf(slot), to });
    await migration.begin();
    return migration;
  }

  #anyNode(): RedisNode {
    const node = this.nodes.find(({ answers }) => answers);
    if (node === undefined) throw new Error('no node runs');
    return node;
  }
}

export function startCluster(options: ClusterOptions = {}): Promise<ClusterTopology> {
  const make = (site: Site): ClusterTopology => new ClusterTopology(site, options);
  return startGroup(nodeCount, options, make, async ({ nodes }) => {
    await Promise.all(nodes.map((node) => eventually(() => assertWhole(node), { timeoutMs: 20_000 })));
    await inSync(nodes.slice(masters));
  });
}

interface Member {
  readonly port: number;
  readonly id: string;
}

function clusterNode(
  site: Site,
  port: number,
  members: readonly Member[],
  index: number,
  { nodeTimeoutMs = 1_000, ...options }: ClusterOptions,
): RedisNode {
  const config = [
    ...serverConfig(options),
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    `cluster-node-timeout ${nodeTimeoutMs}`,
    // A replica may take over however long its link was down: the tests look at what follows, not at this rule.
    'cluster-replica-validity-factor 0',
    'cluster-announce-ip 127.0.0.1',
  ];
  const files = { 'nodes.conf': nodesConf(members, index) };
  const name = `node-${index + 1}`;
  return new RedisNode(site, {
    program: 'redis-server',
    name,
    port,
    config,
    files,
    password: options.requirepass,
  });
}

/** The nodes know each other and their slots from the start, as after a restart: no MEET, no gossip to wait for. */
function nodesConf(members: readonly Member[], self: number): string {
  const lines = members.map(({ id, port }, index) => {
    const master = index < masters;
    const flags = `${index === self ? 'myself,' : ''}${master ? 'master' : 'slave'}`;
    const of = master ? '-' : members[index - masters]!.id;
    const epoch = (index % masters) + 1;
    const range = master ? ` ${firstSlot(index)}-${firstSlot(index + 1) - 1}` : '';
    return `${id} 127.0.0.1:${port}@${port + 10_000} ${flags} ${of} 0 0 ${epoch} connected${range}`;
  });
  return `${lines.join('\n')}\nvars currentEpoch ${masters} lastVoteEpoch 0\n`;
}

function firstSlot(master: number): number {
  return Math.floor((master * slots) / masters);
}

async function assertWhole(node: RedisNode): Promise<void> {
  const info = (await node.command('cluster', 'info')) as string;
  if (!info.includes('cluster_state:ok')) throw new Error(`port ${node.port} does not see a whole cluster`);
}
