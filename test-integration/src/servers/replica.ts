import { eventually } from '@lockstep/testing';
import type { Site } from '../site/site.ts';
import { NodeGroup, startGroup } from './node-group.ts';
import type { GroupOptions } from './node-group.ts';
import { RedisNode } from './redis-node.ts';
import { serverConfig } from './server-config.ts';
import type { ServerConfigOptions } from './server-config.ts';

export interface ReplicatedOptions extends GroupOptions, ServerConfigOptions {
  /** @defaultValue 1 */
  readonly replicas?: number | undefined;
}

/** A master with replicas and nobody who would promote one. */
export class ReplicatedServer extends NodeGroup {
  readonly master: RedisNode;
  readonly replicas: readonly RedisNode[];

  constructor(site: Site, options: ReplicatedOptions) {
    const nodes = replicatedNodes(site, site.ports, options);
    super(site, nodes);
    const [master, ...replicas] = nodes;
    this.master = master!;
    this.replicas = replicas;
  }

  get url(): string {
    return this.master.url;
  }
}

export function startReplicated(options: ReplicatedOptions = {}): Promise<ReplicatedServer> {
  const make = (site: Site): ReplicatedServer => new ReplicatedServer(site, options);
  return startGroup(1 + (options.replicas ?? 1), options, make, ({ replicas }) => inSync(replicas));
}

/** The first port is the master's. */
export function replicatedNodes(
  site: Site,
  ports: readonly number[],
  options: ServerConfigOptions,
): RedisNode[] {
  return ports.map((port, index) => {
    const following = index === 0 ? [] : [`replicaof 127.0.0.1 ${ports[0]}`];
    return new RedisNode(site, {
      program: 'redis-server',
      name: index === 0 ? 'master' : `replica-${index}`,
      port,
      config: [...serverConfig(options), 'replica-announce-ip 127.0.0.1', ...following],
      password: options.requirepass,
    });
  });
}

/** Waits until every replica has its master's data and its link is up. */
export async function inSync(replicas: readonly RedisNode[]): Promise<void> {
  await Promise.all(
    replicas.map((replica) =>
      eventually(async () => {
        const status = await replica.info('master_link_status');
        if (status !== 'up') throw new Error(`replica on port ${replica.port} has its link ${status}`);
      }),
    ),
  );
}
