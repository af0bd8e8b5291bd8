import { openSite } from '../site/open-site.ts';
import type { Site, SiteKind } from '../site/site.ts';
import type { RedisNode } from './redis-node.ts';

export interface GroupOptions {
  /** @defaultValue children of this process where redis-server is installed, else a container */
  readonly site?: SiteKind | undefined;
}

/** Several nodes on one site that come and go together. */
export abstract class NodeGroup implements AsyncDisposable {
  readonly nodes: readonly RedisNode[];
  readonly #site: Site;

  protected constructor(site: Site, nodes: readonly RedisNode[]) {
    this.#site = site;
    this.nodes = nodes;
  }

  /** The node on this port. Throws when it is none of the group's. */
  nodeAt(port: number): RedisNode {
    const node = this.nodes.find((candidate) => candidate.port === port);
    if (node === undefined) throw new Error(`no node of this group listens on port ${port}`);
    return node;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.#site[Symbol.asyncDispose]();
  }
}

/** Opens a site, makes the group on it and starts it; when that fails nothing stays behind. */
export async function startGroup<Group extends NodeGroup>(
  portCount: number,
  options: GroupOptions,
  make: (site: Site) => Group,
  ready: (group: Group) => Promise<void>,
): Promise<Group> {
  const group = make(await openSite(portCount, options.site));
  try {
    await group.startAll();
    await ready(group);
    return group;
  } catch (error) {
    await group[Symbol.asyncDispose]();
    throw error;
  }
}
