import type { ServerFacts } from './driver.ts';
import { compareVersions } from './server-info.ts';
import type { Topology } from './target.ts';

/** What the servers of a connection can do. On Cluster that of the oldest master. */
export interface Capabilities {
  readonly kind: ServerFacts['kind'];
  /** `0.0.0` before the connection is up, and where INFO is not allowed; nothing beyond Redis 6.2 is assumed then. */
  readonly version: string;
  /** SPUBLISH and SSUBSCRIBE; of use on Cluster only. */
  readonly shardedPubSub: boolean;
  /** WAIT, and so `durability`. */
  readonly wait: boolean;
  /** WAITAOF. */
  readonly waitAof: boolean;
  /** `SET ... IFEQ`. */
  readonly ifeq: boolean;
  /** `DELEX key IFEQ value`. */
  readonly delex: boolean;
  /** Scripts may say that they run on a full server (`#!lua flags=allow-oom`). */
  readonly allowOom: boolean;
}

/** Since which version, on Redis and on Valkey. */
const since = {
  shardedPubSub: { redis: '7.0', valkey: '7.2' },
  waitAof: { redis: '7.2', valkey: '7.2' },
  ifeq: { redis: '8.4', valkey: '8.1' },
  delex: { redis: '8.4', valkey: '9.2' },
  allowOom: { redis: '7.0', valkey: '7.2' },
} as const;

export function capabilitiesOf(facts: ServerFacts | undefined, topology: Topology): Capabilities {
  const { kind, version } = facts ?? { kind: topology === 'memory' ? 'memory' : 'redis', version: '0.0.0' };
  const has = (feature: keyof typeof since): boolean =>
    kind !== 'memory' && compareVersions(version, since[feature][kind]) >= 0;
  return {
    kind,
    version,
    shardedPubSub: has('shardedPubSub'),
    wait: kind !== 'memory',
    waitAof: has('waitAof'),
    ifeq: has('ifeq'),
    delex: has('delex'),
    allowOom: has('allowOom'),
  };
}
