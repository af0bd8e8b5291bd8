import type { ConnectionOptions } from 'node:tls';
import {
  ConfigurationError,
  consoleLogger,
  count,
  defaultMaxPayloadBytes,
  errorReporter,
  jsonCodec,
  milliseconds,
  parseOptions,
  systemClock,
  systemRandom,
  type Clock,
  type Codec,
  type ErrorHandler,
  type Logger,
  type Random,
} from '@lockstep/core';
import { z } from 'zod';

/** Options of a connection; also the defaults of everything created on it. */
export interface RedisOptions {
  /** Stands before every key and channel. Two prefixes on one Redis see nothing of each other. Default `lockstep:`. */
  readonly prefix?: string | undefined;
  /** Deadline of a call in ms, waiting for the connection and retries included. Default 2,000. */
  readonly commandTimeoutMs?: number | undefined;
  /**
   * After this long without a byte while a reply is due, a quarter later at most, the socket is torn down and replaced.
   * Default 1,000.
   */
  readonly socketTimeoutMs?: number | undefined;
  /**
   * What Node's `tls.connect` takes (`ca`, `cert`, `key`, `servername` ...), for a `rediss` URL. The server's certificate
   * is always checked unless this says otherwise.
   */
  readonly tls?: ConnectionOptions | undefined;
  /** User and password of the sentinels, where they want any: those in the URL are for Redis. For a Sentinel URL. */
  readonly sentinel?: { readonly username?: string | undefined; readonly password: string } | undefined;
  /**
   * Makes `runDurably` wait until `replicas` replicas have a write, at most `timeoutMs` (default 500). One more
   * connection; on Cluster one more per master. For Sentinel and Cluster.
   */
  readonly durability?: { readonly replicas: number; readonly timeoutMs?: number | undefined } | undefined;
  /** How often the subscriber connection is asked for a sign of life, in ms. Default 5,000. */
  readonly heartbeatMs?: number | undefined;
  /** How many calls may wait while Redis is down; further ones fail at once. Default 10,000. */
  readonly maxWaitingCalls?: number | undefined;
  /** Largest encoded payload of anything created on this connection. Default 256 KiB. */
  readonly maxPayloadBytes?: number | undefined;
  /** How payloads are written. Default JSON. */
  readonly codec?: Codec | undefined;
  readonly logger?: Logger | undefined;
  /** Receives failures that no caller awaits. Default: the logger. */
  readonly onError?: ErrorHandler | undefined;
  /**
   * Local time. For `memory://` the first open connection of a name also gives the in-process server its time. Default
   * the machine's clock.
   */
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface ResolvedRedisOptions {
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly tls: ConnectionOptions | undefined;
  readonly sentinel: { readonly username?: string | undefined; readonly password: string } | undefined;
  readonly durability: { readonly replicas: number; readonly timeoutMs: number } | undefined;
  readonly heartbeatMs: number;
  readonly maxWaitingCalls: number;
  readonly maxPayloadBytes: number;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly onError: ErrorHandler;
  readonly clock: Clock;
  readonly random: Random;
}

const longestPrefix = 256;
// oxlint-disable-next-line no-control-regex -- control characters are what the rule is about
const forbiddenInPrefix = /[\u0000-\u001f\u007f{}*?[\]\\\s]/;

const hasMethods = (...names: string[]): z.ZodType => {
  const rule = `must be an object with ${names.join(', ')}`;
  return z.custom((value) => {
    if (typeof value !== 'object' || value === null) return false;
    return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
  }, rule);
};

const schema = z
  .strictObject({
    prefix: z
      .string({ error: 'must be a string' })
      .max(longestPrefix, { error: `must be at most ${longestPrefix} characters` })
      .refine((prefix) => !forbiddenInPrefix.test(prefix), {
        error: 'must not contain white space, control characters, braces or glob characters',
      })
      .optional(),
    commandTimeoutMs: milliseconds(10).optional(),
    socketTimeoutMs: milliseconds(10).optional(),
    tls: z.custom((value) => typeof value === 'object' && value !== null, 'must be an object').optional(),
    // Checked apart: the error of a schema shows the value, and this one holds a password.
    sentinel: z.unknown().optional(),
    durability: z
      .strictObject(
        { replicas: count(1), timeoutMs: milliseconds(1).optional() },
        { error: 'must be an object' },
      )
      .optional(),
    heartbeatMs: milliseconds(100).optional(),
    maxWaitingCalls: count(0).optional(),
    maxPayloadBytes: count(1).optional(),
    codec: hasMethods('encode', 'decode').optional(),
    logger: hasMethods('debug', 'info', 'warn', 'error').optional(),
    onError: z.custom((value) => typeof value === 'function', 'must be a function').optional(),
    clock: hasMethods('now', 'monotonic', 'setTimer').optional(),
    random: hasMethods('next', 'id').optional(),
  })
  .optional();

/** Validates and defaults the options of a connection. Throws `ConfigurationError`. */
export function resolveRedisOptions(
  options: RedisOptions = {},
  defaultPrefix = 'lockstep:',
): ResolvedRedisOptions {
  parseOptions(schema, options);
  assertSentinel(options.sentinel);
  const logger = options.logger ?? consoleLogger;
  const resolved: ResolvedRedisOptions = {
    prefix: options.prefix ?? defaultPrefix,
    commandTimeoutMs: options.commandTimeoutMs ?? 2_000,
    socketTimeoutMs: options.socketTimeoutMs ?? 1_000,
    tls: options.tls,
    sentinel: options.sentinel,
    durability: options.durability && {
      replicas: options.durability.replicas,
      timeoutMs: options.durability.timeoutMs ?? 500,
    },
    heartbeatMs: options.heartbeatMs ?? 5_000,
    maxWaitingCalls: options.maxWaitingCalls ?? 10_000,
    maxPayloadBytes: options.maxPayloadBytes ?? defaultMaxPayloadBytes,
    codec: options.codec ?? jsonCodec,
    logger,
    onError: errorReporter(logger, options.onError),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
  assertRelations(resolved);
  return Object.freeze(resolved);
}

const sentinelSchema = z
  .strictObject({ username: z.string().optional(), password: z.string().min(1) })
  .optional();

function assertSentinel(sentinel: unknown): void {
  if (sentinelSchema.safeParse(sentinel).success) return;
  const rule = 'must be { password } or { username, password }, both strings';
  const shown = typeof sentinel === 'object' && sentinel !== null ? Object.keys(sentinel) : typeof sentinel;
  throw new ConfigurationError('options.sentinel', rule, shown);
}

function assertRelations(options: ResolvedRedisOptions): void {
  if (options.commandTimeoutMs < options.socketTimeoutMs) {
    throw new ConfigurationError(
      'options.commandTimeoutMs',
      `must be at least socketTimeoutMs (${options.socketTimeoutMs}), or a frozen server is never left`,
      options.commandTimeoutMs,
    );
  }
  const { durability, socketTimeoutMs } = options;
  if (durability !== undefined && durability.timeoutMs >= socketTimeoutMs) {
    throw new ConfigurationError(
      'options.durability.timeoutMs',
      `must be less than socketTimeoutMs (${socketTimeoutMs}), or a slow replica costs the connection`,
      durability.timeoutMs,
    );
  }
}
