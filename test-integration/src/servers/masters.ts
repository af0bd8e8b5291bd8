import type { Site } from '../site/site.ts';
import { NodeGroup, startGroup } from './node-group.ts';
import type { GroupOptions } from './node-group.ts';
import { RedisNode } from './redis-node.ts';
import { serverConfig } from './server-config.ts';
import type { ServerConfigOptions } from './server-config.ts';

export interface MastersOptions extends GroupOptions, ServerConfigOptions {
  /** @defaultValue 5 */
  readonly count?: number | undefined;
}

/** Masters that know nothing of each other: what a quorum lock runs on. */
export class IndependentMasters extends NodeGroup {
  constructor(site: Site, options: MastersOptions) {
    const nodes = site.ports.map((port, index) => {
      const name = `master-${index + 1}`;
      return new RedisNode(site, {
        program: 'redis-server',
        name,
        port,
        config: serverConfig(options),
        password: options.requirepass,
      });
    });
    super(site, nodes);
  }

  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }
}

export function startMasters(options: MastersOptions = {}): Promise<IndependentMasters> {
  const make = (site: Site): IndependentMasters => new IndependentMasters(site, options);
  return startGroup(options.count ?? 5, options, make, () => Promise.resolve());
}
