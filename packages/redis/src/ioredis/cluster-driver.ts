import type { ScriptArgument } from '../client.ts';
import {
  sendScript,
  type ClientLink,
  type ClientSettings,
  type Driver,
  type DriverEvents,
  type ScriptLink,
  type ServerFacts,
  type SubscriberLink,
  type WireCall,
} from '../driver.ts';
import type { ResolvedRedisOptions } from '../options.ts';
import { IoredisClientLink } from './client-link.ts';
import { clusterSettings, createClusterClient, type ClusterClient } from './cluster-client.ts';
import { ClusterSubscriber } from './cluster-subscriber.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { endClient, openClient, watchClient, type NodeClient } from './link.ts';
import { patient } from './patient-socket.ts';
import { serverFacts } from './server-facts.ts';
import { sendEncoded } from './script-command.ts';
import { clientSettings, correctnessSettings } from './settings.ts';
import { readServerTime } from './server-time.ts';

/** A Redis Cluster by its start-up nodes. */
export function openCluster(
  target: Parameters<typeof createClusterClient>[0],
  address: string,
  options: ResolvedRedisOptions,
): Driver {
  return new ClusterDriver(patient(createClusterClient(target, options)), address, options, true);
}

/** A `Cluster` the caller made: never closed here. */
export function adoptCluster(client: ClusterClient, options: ResolvedRedisOptions): Driver {
  return new ClusterDriver(client, 'cluster', options, false);
}

class ClusterDriver implements Driver {
  readonly topology = 'cluster';
  readonly client: ClusterClient;
  readonly address: string;
  readonly scripts: ScriptLink;
  readonly #options: ResolvedRedisOptions;
  readonly #owned: boolean;
  readonly #watch: ClusterWatch;
  #unwatch: () => void = () => {};

  constructor(client: ClusterClient, address: string, options: ResolvedRedisOptions, owned: boolean) {
    this.client = client;
    this.address = address;
    this.#options = options;
    this.#owned = owned;
    this.#watch = new ClusterWatch({ client, clock: options.clock, random: options.random });
    this.scripts = { send: (call) => this.#send(call) };
  }

  lane(key: ScriptArgument | undefined): NodeClient | undefined {
    const node = this.#watch.owner(key);
    if (node === undefined) this.#watch.heal();
    return node;
  }

  masters(): readonly NodeClient[] {
    return this.#watch.masters();
  }

  isReady(): boolean {
    return this.client.status === 'ready';
  }

  open(events: DriverEvents): void {
    this.#watch.onChange(() => events.changed());
    this.#watch.start();
    this.#unwatch = watchClient(this.client, {
      ready: () => events.ready(),
      lost: () => events.lost(),
      // What the cluster reports is that all nodes failed; why is in the last one's error.
      failed: (error) => events.failed((error as { lastNodeError?: unknown }).lastNodeError ?? error),
    });
    openClient(this.client, events);
  }

  facts(): Promise<ServerFacts> {
    return serverFacts(this.masters());
  }

  serverTime(): Promise<number> {
    return readServerTime(this.masters());
  }

  createSubscriber(): SubscriberLink {
    const { clock, random } = this.#options;
    return new ClusterSubscriber({
      watch: this.#watch,
      clock,
      random,
      settings: correctnessSettings(this.#options),
    });
  }

  createLane(lane: NodeClient): NodeClient {
    const settings = { ...correctnessSettings(this.#options), readOnly: false, retryStrategy: null };
    return patient(lane.duplicate(settings));
  }

  createClient(settings: ClientSettings): ClientLink {
    const redisOptions = {
      ...(this.client.options?.['redisOptions'] as object | undefined),
      ...clientSettings(this.#options, settings),
    };
    const override = { ...clusterSettings(this.#options), redisOptions, clusterRetryStrategy: null };
    return new IoredisClientLink(patient(this.client.duplicate([], override)));
  }

  close(): void {
    this.#watch.stop();
    this.#unwatch();
    if (this.#owned) endClient(this.client);
  }

  /**
   * To the master by our own map, and only once that is connected: what was not sent is known not to have been executed,
   * and a call that must not be repeated can be. ioredis follows redirects; what else a node refuses, the runner repeats,
   * which knows the deadline.
   */
  async #send(call: WireCall): Promise<unknown> {
    const lane = this.lane(call.keyCount > 0 ? call.args[0] : undefined);
    if (lane === undefined) throw new Error(noMaster);
    try {
      return await sendEncoded(lane, call);
    } catch (error) {
      const refusal =
        error instanceof Error ? /^(MOVED|ASK|CLUSTERDOWN) /.exec(error.message)?.[1] : undefined;
      // Also what a node says that was taken out of the cluster while our map still leads there.
      if (refusal !== undefined) this.#watch.heal();
      if (refusal === 'MOVED' || refusal === 'ASK') {
        return sendScript(this.client, call);
      }
      throw error;
    }
  }
}

const noMaster = 'No connection to the master of this slot';
