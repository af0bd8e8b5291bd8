import { ConfigurationError, type Logger } from '@lockstep/core';
import type { ClientInternals, RedisClient } from '../client.ts';

/** ioredis settings that break promises of this package, with the reason. */
const forbidden: Readonly<Record<string, string>> = {
  keyPrefix: 'must not be set: it changes keys behind the scripts; use the prefix option of connect()',
  enableAutoPipelining: 'must not be set: it reorders calls and slows scripts down',
  stringNumbers: 'must not be set: scripts return numbers',
  readOnly: 'must not be set: scripts write',
};

/** What ioredis takes where nothing is said. */
const ioredisLoadingRetryMs = 10_000;
const longestLoadingRetryMs = 1_000;

/** Refuses a handed-in client whose settings break promises; warns of those that weaken them. */
export function assertClientOptions(client: RedisClient & ClientInternals, logger: Logger): void {
  const all = client.options ?? {};
  const options = client.isCluster ? { ...all, ...(all['redisOptions'] as object | undefined) } : all;
  for (const [name, rule] of Object.entries(forbidden)) {
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined && value !== null && value !== false && value !== '') {
      throw new ConfigurationError(`target.client.options.${name}`, rule, value);
    }
  }
  for (const [weakness, remedy] of [
    ...weaknesses(options),
    ...(client.isCluster ? resending(options) : []),
  ]) {
    logger.warn({ option: weakness, remedy }, `redis: the client handed in has ${weakness}; ${remedy}`);
  }
}

function* weaknesses(
  options: Readonly<Record<string, unknown>>,
): Generator<readonly [weakness: string, remedy: string]> {
  if (options['autoResendUnfulfilledCommands'] !== false) {
    yield [
      'autoResendUnfulfilledCommands: true',
      'set it to false, or a command whose reply is lost is executed twice',
    ];
  }
  if (options['commandTimeout'] === undefined) {
    yield ['no commandTimeout', 'set it to 2000, or a call to a frozen server never ends'];
  }
  if (options['sentinels'] && options['failoverDetector'] !== true) {
    yield [
      'sentinels without failoverDetector',
      'set it to true, or writes go to the old master, and are lost, until that is demoted',
    ];
  }
  if (options['socketTimeout'] === undefined) {
    yield ['no socketTimeout', 'set it to 1000, or the client never leaves a frozen server'];
  }
  const loadingRetryMs = Number(options['maxLoadingRetryTime'] ?? ioredisLoadingRetryMs);
  if (loadingRetryMs > longestLoadingRetryMs) {
    yield [
      `maxLoadingRetryTime: ${loadingRetryMs}`,
      'set it to 100, or the client stays away for so long from a server that has read its data back',
    ];
  }
}

function* resending(
  options: Readonly<Record<string, unknown>>,
): Generator<readonly [weakness: string, remedy: string]> {
  if (options['retryDelayOnFailover'] !== 0) {
    yield [
      `retryDelayOnFailover: ${String(options['retryDelayOnFailover'] as number | undefined)}`,
      'set it to 0, or a command whose connection breaks is executed twice',
    ];
  }
}

/** ioredis-mock has neither a status nor a socket, but the tables its commands live in. */
export function isMockClient(client: RedisClient & ClientInternals): boolean {
  return client.status === undefined && 'customCommands' in client && 'context' in client;
}
