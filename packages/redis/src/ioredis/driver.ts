import { Redis as IORedis, type RedisOptions as IORedisOptions } from 'ioredis';
import type { ClientInternals, RedisClient } from '../client.ts';
import {
  type ClientLink,
  type ClientSettings,
  type Driver,
  type DriverEvents,
  type ScriptLink,
  type ServerFacts,
  type SubscriberLink,
} from '../driver.ts';
import type { ResolvedRedisOptions } from '../options.ts';
import type { ParsedTarget, Topology } from '../target.ts';
import { IoredisClientLink } from './client-link.ts';
import type { ClusterClient } from './cluster-client.ts';
import { adoptCluster } from './cluster-driver.ts';
import { assertClientOptions } from './handed-in.ts';
import { addressOf, endClient, openClient, watchClient, type NodeClient } from './link.ts';
import { corkedLink } from './corked-link.ts';
import { NewestMasterConnector } from './newest-master.ts';
import { patient } from './patient-socket.ts';
import { serverFacts } from './server-facts.ts';
import { readServerTime } from './server-time.ts';
import { clientSettings, correctnessSettings, credentials } from './settings.ts';
import { IoredisSubscriber } from './subscriber.ts';

type ServerTarget = Exclude<ParsedTarget, { topology: 'memory' | 'cluster' }>;

/** One Redis, or the master that Sentinel names. */
export function openServer(target: ServerTarget, address: string, options: ResolvedRedisOptions): Driver {
  const settings = { ...serverSettings(target, options), ...correctnessSettings(options) };
  const client = patient(new IORedis(settings as IORedisOptions) as unknown as NodeClient);
  return new IoredisDriver({ client, topology: target.topology, address, options, owned: true });
}

/** An ioredis client the caller made: never closed here, its subscriber is a duplicate with our settings, which is. */
export function adoptClient(client: RedisClient & ClientInternals, options: ResolvedRedisOptions): Driver {
  assertClientOptions(client, options.logger);
  if (client.isCluster) return adoptCluster(client as ClusterClient, options);
  const known = client.options ?? {};
  const topology: Topology = known['sentinels'] ? 'sentinel' : 'single';
  const address = topology === 'sentinel' ? 'the master of its sentinels' : addressOf(client as NodeClient);
  return new IoredisDriver({ client: client as NodeClient, topology, address, options, owned: false });
}

function serverSettings(target: ServerTarget, options: ResolvedRedisOptions): Record<string, unknown> {
  const common = { ...credentials(target, options), db: target.db };
  if (target.topology === 'single') return { ...common, ...target.node };
  return {
    ...common,
    sentinels: target.sentinels,
    Connector: NewestMasterConnector,
    name: target.master,
    role: 'master',
    enableTLSForSentinelMode: target.tls,
    sentinelUsername: options.sentinel?.username,
    sentinelPassword: options.sentinel?.password,
    ...(target.tls ? { sentinelTLS: { ...options.tls } } : {}),
  };
}

interface DriverParts {
  readonly client: NodeClient;
  readonly topology: Topology;
  readonly address: string;
  readonly options: ResolvedRedisOptions;
  readonly owned: boolean;
}

class IoredisDriver implements Driver {
  readonly client: NodeClient;
  readonly scripts: ScriptLink;
  readonly topology: Topology;
  readonly address: string;
  readonly #options: ResolvedRedisOptions;
  readonly #owned: boolean;
  #unwatch: () => void = () => {};

  constructor({ client, topology, address, options, owned }: DriverParts) {
    this.client = client;
    this.scripts = corkedLink(client);
    this.topology = topology;
    this.address = address;
    this.#options = options;
    this.#owned = owned;
  }

  lane(): NodeClient {
    return this.client;
  }

  masters(): readonly NodeClient[] {
    return [this.client];
  }

  isReady(): boolean {
    return this.client.status === 'ready';
  }

  open(events: DriverEvents): void {
    this.#unwatch = watchClient(this.client, events);
    openClient(this.client, events);
  }

  async facts(): Promise<ServerFacts> {
    const [facts] = await Promise.all([serverFacts([this.client]), this.#assertDatabase()]);
    return facts;
  }

  serverTime(): Promise<number> {
    return readServerTime([this.client]);
  }

  createSubscriber(): SubscriberLink {
    return new IoredisSubscriber(patient(this.client.duplicate(correctnessSettings(this.#options))));
  }

  createLane(lane: NodeClient): NodeClient {
    return patient(lane.duplicate(correctnessSettings(this.#options)));
  }

  createClient(settings: ClientSettings): ClientLink {
    return new IoredisClientLink(patient(this.client.duplicate(clientSettings(this.#options, settings))));
  }

  close(): void {
    this.#unwatch();
    if (this.#owned) endClient(this.client);
  }

  /** ioredis goes on in database 0 where SELECT is refused: among someone else's keys. */
  async #assertDatabase(): Promise<void> {
    const { db = 0 } = this.client.options as { db?: number | string };
    if (Number(db) !== 0) await this.client.call('select', db);
  }
}
