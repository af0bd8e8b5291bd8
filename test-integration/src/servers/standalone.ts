import { openSite } from '../site/open-site.ts';
import type { Site, SiteKind } from '../site/site.ts';
import { RedisNode } from './redis-node.ts';
import { serverConfig } from './server-config.ts';
import type { ServerConfigOptions } from './server-config.ts';

export interface StandaloneOptions extends ServerConfigOptions {
  /** @defaultValue children of this process where redis-server is installed, else a container */
  readonly site?: SiteKind | undefined;
}

/** A Redis of its own. Disposing it ends the process and removes its data. */
export class StandaloneServer extends RedisNode {
  readonly #site: Site;

  constructor(site: Site, options: StandaloneOptions) {
    const [port = 0] = site.ports;
    const config = serverConfig(options);
    super(site, { program: 'redis-server', name: 'standalone', port, config, password: options.requirepass });
    this.#site = site;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#site[Symbol.asyncDispose]();
  }
}

export async function startStandalone(options: StandaloneOptions = {}): Promise<StandaloneServer> {
  const server = new StandaloneServer(await openSite(1, options.site), options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
