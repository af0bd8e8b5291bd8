import type { Redis } from '@lockstep/redis';
import { CrowdedNames } from './crowded-names.ts';

/** One Redis that grants leases: the only one, or one of the masters of a quorum. */
export interface Place {
  readonly index: number;
  readonly redis: Redis;
  /** Connection prefix and locks prefix: what stands before a name in its lock key. */
  readonly lockPrefix: string;
  /** `1` where PUBLISH inside a script counts every receiver. */
  readonly exact: '0' | '1';
  /** The client may send a command again by itself, so that a copy of it can arrive after its answer. */
  readonly resends: boolean;
  readonly crowded: CrowdedNames;
}

export function createPlaces(connections: readonly Redis[], prefix: string): Place[] {
  return connections.map((redis, index) => ({
    index,
    redis,
    lockPrefix: `${redis.prefix}${prefix}`,
    exact: redis.topology === 'cluster' ? '0' : '1',
    resends: mayResend(redis),
    crowded: new CrowdedNames(redis.clock),
  }));
}

/** ioredis's Cluster follows redirections and sends again by itself; a client handed in may have been told to. */
function mayResend({ topology, client }: Redis): boolean {
  if (topology === 'memory') return false;
  const { options } = client as { readonly options?: { readonly autoResendUnfulfilledCommands?: boolean } };
  return topology === 'cluster' || options?.autoResendUnfulfilledCommands !== false;
}

/** What a place's processes listen on, up to the connection's id. */
export function bellPrefix({ redis }: Place): string {
  return redis.doorbell.channel.slice(0, -redis.id.length);
}
