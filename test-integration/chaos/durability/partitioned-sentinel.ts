import { randomBytes } from 'node:crypto';
import { eventually, faultProxy, type FaultProxy } from '@lockstep/testing';
import { RedisNode } from '../../src/servers/redis-node.ts';
import { openSite } from '../../src/site/open-site.ts';
import type { Site } from '../../src/site/site.ts';
import { readOffsets, sentinelEvents, type Testimony } from './witness.ts';

const servers = 3;
const sentinels = 3;
const masterName = 'mymaster';

export interface PartitionedOptions {
  /** `min-replicas-to-write`, with `min-replicas-max-lag 1`. */
  readonly minReplicas: number;
}

/**
 * Sentinel whose servers can be cut off from one another, and from the sentinels, while clients beside them still reach
 * them. Servers and sentinels know each other by the ports of proxies; clients are sent to the servers' own ports.
 */
export class PartitionedSentinel implements AsyncDisposable {
  readonly #site: Site;
  readonly #nodes: readonly RedisNode[];
  readonly #sentinels: readonly RedisNode[];
  /** Towards the server of the same index, for servers and sentinels. */
  readonly #proxies: readonly FaultProxy[];
  /** Towards the sentinel of the same index, for clients. */
  readonly #questions: readonly FaultProxy[];

  private constructor(parts: {
    site: Site;
    nodes: readonly RedisNode[];
    sentinels: readonly RedisNode[];
    proxies: readonly FaultProxy[];
    questions: readonly FaultProxy[];
  }) {
    this.#site = parts.site;
    this.#nodes = parts.nodes;
    this.#sentinels = parts.sentinels;
    this.#proxies = parts.proxies;
    this.#questions = parts.questions;
  }

  static async start(options: PartitionedOptions): Promise<PartitionedSentinel> {
    const site = await openSite(servers + sentinels, 'binary');
    const ports = site.ports.slice(0, servers);
    const sentinelPorts = site.ports.slice(servers);
    const towards = (port: number): Promise<FaultProxy> => faultProxy({ host: '127.0.0.1', port });
    const proxies = await Promise.all(ports.map(towards));
    const questions = await Promise.all(sentinelPorts.map(towards));
    const announced = proxies.map(({ port }) => port);
    const nodes = ports.map((port, index) => serverNode(site, port, announced, index, options));
    const watchers = sentinelNodes(site, sentinelPorts, announced);
    const group = new PartitionedSentinel({ site, nodes, sentinels: watchers, proxies, questions });
    try {
      await Promise.all([...nodes, ...watchers].map((node) => node.start()));
      await eventually(() => group.#settled(), { timeoutMs: 20_000 });
      return group;
    } catch (error) {
      await group[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What an ioredis client needs to find the master past the proxies. */
  get clientOptions() {
    const local = (port: number) => ({ host: '127.0.0.1', port });
    const servers = this.#proxies.map(({ port }, index) => [port, this.#nodes[index]!.port] as const);
    const questions = this.#questions.map(({ port }, index) => [this.#sentinels[index]!.port, port] as const);
    return {
      sentinels: this.#questions.map(({ port }) => local(port)),
      name: masterName,
      natMap: Object.fromEntries(
        [...servers, ...questions].map(([from, to]) => [`127.0.0.1:${from}`, local(to)]),
      ),
    };
  }

  async master(): Promise<RedisNode> {
    const address = (await this.#sentinels[0]!.command(
      'sentinel',
      'get-master-addr-by-name',
      masterName,
    )) as string[];
    return this.#nodes[this.#proxies.findIndex(({ port }) => port === Number(address[1]))]!;
  }

  /** Cuts a server off. With `clientsToo` its clients cannot ask the sentinels either. */
  partition(server: RedisNode, clientsToo: boolean): void {
    this.#proxies[this.#nodes.indexOf(server)]!.hold();
    if (clientsToo) for (const proxy of this.#questions) proxy.hold();
  }

  heal(): void {
    for (const proxy of [...this.#proxies, ...this.#questions]) proxy.resume();
  }

  promotedInsteadOf(old: RedisNode): Promise<RedisNode> {
    return eventually(
      async () => {
        const master = await this.master();
        if (master === old || (await master.info('role')) !== 'master') throw new Error('not promoted yet');
        return master;
      },
      { timeoutMs: 30_000 },
    );
  }

  /** Reads the offsets now, while the cut lasts; the answer adds who was promoted and how the sentinels got there. */
  async testify(old: RedisNode, cutAt: number): Promise<(promoted: RedisNode) => Promise<Testimony>> {
    const announced = this.#proxies.map(({ port }) => port);
    const cast = { nodes: this.#nodes, announced, sentinels: this.#sentinels };
    const offsets = await readOffsets(cast, old);
    return async (promoted) => ({
      ...offsets,
      promoted: this.#nodes.indexOf(promoted),
      sentinels: await sentinelEvents(cast, cutAt),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#proxies, ...this.#questions].map((proxy) => proxy.close()));
    await Promise.all([...this.#nodes, ...this.#sentinels].map((node) => node[Symbol.asyncDispose]()));
    await this.#site[Symbol.asyncDispose]();
  }

  async #settled(): Promise<void> {
    const replicas = await this.#nodes[0]!.info('connected_slaves');
    if (replicas !== String(servers - 1)) throw new Error(`${replicas} replicas`);
    for (const sentinel of this.#sentinels) {
      await sentinel.command('sentinel', 'ckquorum', masterName);
      const fields = (await sentinel.command('sentinel', 'master', masterName)) as string[];
      const seen = (field: string): string | undefined => fields[fields.indexOf(field) + 1];
      if (seen('num-slaves') !== String(servers - 1)) throw new Error('a sentinel misses a replica');
      if (seen('num-other-sentinels') !== String(sentinels - 1)) throw new Error('a sentinel misses another');
    }
  }
}

function serverNode(
  site: Site,
  port: number,
  announced: readonly number[],
  index: number,
  { minReplicas }: PartitionedOptions,
): RedisNode {
  const config = [
    'save ""',
    'appendonly no',
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    'replica-announce-ip 127.0.0.1',
    `replica-announce-port ${announced[index]}`,
    `min-replicas-to-write ${minReplicas}`,
    'min-replicas-max-lag 1',
    ...(index === 0 ? [] : [`replicaof 127.0.0.1 ${announced[0]}`]),
  ];
  return new RedisNode(site, { program: 'redis-server', name: `server-${index}`, port, config });
}

function sentinelNodes(site: Site, ports: readonly number[], announced: readonly number[]): RedisNode[] {
  const [master, ...replicas] = announced;
  const ids = ports.map(() => randomBytes(20).toString('hex'));
  return ports.map((port, index) => {
    const others = ports.map(
      (other, at) => `sentinel known-sentinel ${masterName} 127.0.0.1 ${other} ${ids[at]}`,
    );
    const config = [
      `sentinel myid ${ids[index]}`,
      'sentinel announce-ip 127.0.0.1',
      `sentinel monitor ${masterName} 127.0.0.1 ${master} 2`,
      `sentinel down-after-milliseconds ${masterName} 1000`,
      `sentinel failover-timeout ${masterName} 5000`,
      ...replicas.map((replica) => `sentinel known-replica ${masterName} 127.0.0.1 ${replica}`),
      ...others.filter((_, at) => at !== index),
    ];
    return new RedisNode(site, { program: 'redis-sentinel', name: `sentinel-${index}`, port, config });
  });
}
