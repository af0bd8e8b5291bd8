import { Cluster, type ClusterOptions } from 'ioredis';
import type { ResolvedRedisOptions } from '../options.ts';
import type { ParsedTarget } from '../target.ts';
import type { IoredisClient, NodeClient } from './link.ts';
import { correctnessSettings, credentials, reconnectDelay } from './settings.ts';

/** What we use of ioredis's `Cluster` beyond the commands; public in both majors. */
export interface ClusterClient extends IoredisClient {
  /** By slot, the addresses of its nodes, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role?: 'all' | 'master' | 'slave'): NodeClient[];
  refreshSlotsCache(callback: (error?: Error | null) => void): void;
  disconnect(reconnect?: boolean): void;
  duplicate(startupNodes: unknown[], override: Readonly<Record<string, unknown>>): ClusterClient;
}

/** How often ioredis follows MOVED, ASK and TRYAGAIN before our own retry, which knows the deadline, takes over. */
const redirections = 4;
const tryAgainPauseMs = 20;

export function createClusterClient(
  target: Extract<ParsedTarget, { topology: 'cluster' }>,
  options: ResolvedRedisOptions,
): ClusterClient {
  const nodes = target.nodes.map(({ host, port }) => ({ host, port }));
  const redisOptions = { ...credentials(target, options), ...correctnessSettings(options) };
  const settings = { ...clusterSettings(options), redisOptions };
  // Certificates carry names: an address resolved before the handshake would not match.
  const byName = target.tls ? { dnsLookup: keepName } : {};
  return new Cluster(nodes, { ...settings, ...byName } as ClusterOptions) as unknown as ClusterClient;
}

/** The settings of ioredis's Cluster that decide correctness; those of its nodes are {@link correctnessSettings}. */
export function clusterSettings(options: ResolvedRedisOptions): Record<string, unknown> {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    scaleReads: 'master',
    clusterRetryStrategy: reconnectDelay(options),
    maxRedirections: redirections,
    retryDelayOnTryAgain: tryAgainPauseMs,
    // By default ioredis sends a call again whose connection broke, whether it was executed or not.
    retryDelayOnFailover: 0,
    // A command waiting inside ioredis is sent after its caller gave up; CLUSTERDOWN is retried by our runner.
    retryDelayOnClusterDown: 0,
    slotsRefreshTimeout: options.socketTimeoutMs,
  };
}

function keepName(name: string, callback: (error: null, address: string) => void): void {
  callback(null, name);
}
