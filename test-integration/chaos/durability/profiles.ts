import { connect, defineScript, type Redis, type RedisClient } from '@lockstep/redis';
import { Redis as IORedis } from 'ioredis';
import { silent } from '../../suites/redis-load.ts';
import type { PartitionedSentinel } from './partitioned-sentinel.ts';

/** One way of writing to a Sentinel deployment. */
export interface Profile {
  readonly name: string;
  /** Whether the clients, on the old master's side, can still ask the sentinels. */
  readonly sentinelsReachable: boolean;
  readonly minReplicas: number;
  open(group: PartitionedSentinel): Promise<Writer>;
}

export interface Writer {
  /** Sets a bit. True when the write counts as acknowledged. */
  write(key: string, bit: number): Promise<boolean>;
  close(): Promise<void>;
}

const setBit = defineScript({
  name: 'durability.set-bit',
  keys: ['bits'],
  args: ['bit'],
  lua: /* lua */ `return redis.call('SETBIT', bits, bit, 1)`,
  parse: Number,
  idempotent: true,
});

/** ioredis as it comes. */
async function openPlain(group: PartitionedSentinel): Promise<Writer> {
  const client = new IORedis({ ...group.clientOptions, commandTimeout: 2_000 });
  client.on('error', () => {});
  await client.ping();
  return {
    write: async (key, bit) => (await client.setbit(key, bit, 1)) >= 0,
    close: async () => client.disconnect(),
  };
}

/** A connection of this package, over a client with its settings that knows the way past the proxies. */
async function openOurs(
  group: PartitionedSentinel,
  durability?: { replicas: number },
): Promise<[Redis, IORedis]> {
  const client = new IORedis({
    ...group.clientOptions,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 2_000,
    socketTimeout: 1_000,
    connectTimeout: 1_000,
    sentinelCommandTimeout: 1_000,
    failoverDetector: true,
    retryStrategy: (times) => Math.min(20 * 2 ** (times - 1), 1_000),
  });
  client.on('error', () => {});
  const redis = await connect({ client: client as unknown as RedisClient }, { logger: silent, durability });
  return [redis, client];
}

const closer = (redis: Redis, client: IORedis) => async (): Promise<void> => {
  await redis.close();
  client.disconnect();
};

async function openUnguarded(group: PartitionedSentinel): Promise<Writer> {
  const [redis, client] = await openOurs(group);
  return {
    write: async (bits, bit) => (await redis.run(setBit, { bits }, { bit })) >= 0,
    close: closer(redis, client),
  };
}

const openGuarded =
  (replicas: number) =>
  async (group: PartitionedSentinel): Promise<Writer> => {
    const [redis, client] = await openOurs(group, { replicas });
    return {
      write: async (bits, bit) => {
        const { replicated } = await redis.runDurably(setBit, { bits }, { bit });
        return replicated! >= replicas;
      },
      close: closer(redis, client),
    };
  };

const cutOff = { sentinelsReachable: false };
const asking = { sentinelsReachable: true };

export const profiles: readonly Profile[] = [
  { name: 'ioredis as it comes', minReplicas: 0, ...cutOff, open: openPlain },
  { name: 'unguarded', minReplicas: 0, ...cutOff, open: openUnguarded },
  { name: 'unguarded', minReplicas: 0, ...asking, open: openUnguarded },
  { name: 'min-replicas only', minReplicas: 1, ...cutOff, open: openUnguarded },
  { name: 'durability only', minReplicas: 0, ...cutOff, open: openGuarded(1) },
  { name: 'guarded', minReplicas: 1, ...cutOff, open: openGuarded(1) },
  { name: 'guarded', minReplicas: 1, ...asking, open: openGuarded(1) },
  { name: 'guarded, both replicas', minReplicas: 1, ...cutOff, open: openGuarded(2) },
];
