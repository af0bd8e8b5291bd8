import {
  assertName,
  assertPayloadSize,
  ConfigurationError,
  count,
  errorReporter,
  markBody,
  milliseconds,
  parseOptions,
  type BaseOptions,
  type Clock,
  type CloseOptions,
  type Codec,
  type ErrorHandler,
  type Logger,
  type Random,
} from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { z } from 'zod';

/** Options of `createLocks`. */
export interface LocksOptions extends Omit<BaseOptions, 'redis'> {
  /**
   * One connection, or several to independent masters: locks are then granted by a quorum of them (Redlock). Close is
   * tied to every one of them.
   */
  readonly redis: Redis | readonly Redis[];
  /**
   * Stands between the connection's prefix and the name in every lock key. Empty, with an empty prefix of the
   * connection, makes the keys those of the `redlock` packages.
   *
   * @defaultValue 'lock:'
   */
  readonly prefix?: string | undefined;
  /**
   * How long a lock's fencing counter outlives its last use. `expiring`: seven days, so that keys stay bounded; tokens
   * still rise after that, because they follow the server's clock. `durable`: for ever, one key for each name ever used.
   *
   * @defaultValue 'expiring'
   */
  readonly fence?: 'expiring' | 'durable' | undefined;
}

/** How a lease is asked for and kept. */
export interface AcquireOptions {
  /** How long the lease lasts without a renewal. 10 ms or more. @defaultValue 10,000 */
  readonly ttlMs?: number | undefined;
  /**
   * How long to wait in line. 0 never enters the line. Each call to Redis may take its `commandTimeoutMs` on top.
   * `Infinity` waits until the signal aborts.
   *
   * @defaultValue 10,000
   */
  readonly waitMs?: number | undefined;
  /** Gives up waiting: the call rejects at once with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Renew in the background, three times per `ttlMs`, until the release. @defaultValue true */
  readonly autoExtend?: boolean | undefined;
  /** Background renewal keeps the lease no longer than this after its grant. At least `ttlMs`. @defaultValue no limit */
  readonly maxHoldMs?: number | undefined;
  /** Shown by `inspect` and `list` while the lease is held. Encoded by the codec. */
  readonly metadata?: unknown;
}

/** As {@link AcquireOptions}, for an attempt that does not wait. */
export type TryAcquireOptions = Omit<AcquireOptions, 'waitMs'>;

export interface ResolvedLocksOptions {
  readonly connections: readonly Redis[];
  readonly prefix: string;
  readonly durable: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec;
  readonly maxPayloadBytes: number;
  readonly logger: Logger;
  readonly onError: ErrorHandler;
}

export interface ResolvedAcquireOptions {
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly autoExtend: boolean;
  readonly maxHoldMs: number;
  /** Encoded, or empty. */
  readonly metadata: string;
  readonly count: number;
}

/** What is used where nothing is said. */
const defaults = { prefix: 'lock:', ttlMs: 10_000, waitMs: 10_000, autoExtend: true } as const;

const shortestTtlMs = 10;
const longestPrefix = 256;
// oxlint-disable-next-line no-control-regex -- control characters are what the rule is about
const forbiddenInPrefix = /[\u0000-\u001f\u007f{}]/;

const callable = z.custom((value) => typeof value === 'function', 'must be a function');
const withMethods = (...names: string[]): z.ZodType =>
  z.custom(
    (value) => {
      if (typeof value !== 'object' || value === null) return false;
      return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
    },
    `must be an object with ${names.join(', ')}`,
  );

const connection = withMethods('run', 'runAll', 'subscribe', 'register');

const locksSchema = z.strictObject({
  redis: z.union([connection, z.array(connection).min(1)], {
    error: 'must be a connection, or a list of connections to independent masters',
  }),
  prefix: z
    .string({ error: 'must be a string' })
    .max(longestPrefix, { error: `must be at most ${longestPrefix} characters` })
    .refine((prefix) => !forbiddenInPrefix.test(prefix), {
      error: 'must not contain control characters or braces',
    })
    .optional(),
  fence: z.enum(['expiring', 'durable'], { error: "must be 'expiring' or 'durable'" }).optional(),
  logger: withMethods('debug', 'info', 'warn', 'error').optional(),
  onError: callable.optional(),
  maxPayloadBytes: count(1).optional(),
  codec: withMethods('encode', 'decode').optional(),
});

const waitSchema = z.union([milliseconds(0), z.literal(Infinity)], {
  error: 'must be a whole number of milliseconds, at least 0, or Infinity',
});
const signalSchema = z.custom((value) => value instanceof AbortSignal, 'must be an AbortSignal');

const tryShape = {
  ttlMs: milliseconds(shortestTtlMs).optional(),
  signal: signalSchema.optional(),
  autoExtend: z.boolean({ error: 'must be a boolean' }).optional(),
  maxHoldMs: milliseconds(shortestTtlMs).optional(),
  metadata: z.unknown().optional(),
};
const acquireShape = { ...tryShape, waitMs: waitSchema.optional() };
const countShape = { count: count(1, 2 ** 31 - 1).optional() };

const schemas = {
  acquire: z.strictObject(acquireShape),
  try: z.strictObject(tryShape),
  acquireCount: z.strictObject({ ...acquireShape, ...countShape }),
  tryCount: z.strictObject({ ...tryShape, ...countShape }),
};

/** Which options a call takes: `try` has no `waitMs`, `Count` has `count`. */
export type AcquireForm = keyof typeof schemas;

/** Validates and defaults the options of `createLocks`. */
export function resolveLocksOptions(options: LocksOptions): ResolvedLocksOptions {
  parseOptions(locksSchema, options);
  const connections = Array.isArray(options.redis)
    ? [...(options.redis as readonly Redis[])]
    : [options.redis as Redis];
  if (new Set(connections).size < connections.length) {
    throw new ConfigurationError('options.redis', 'must name each connection once', connections.length);
  }
  const first = connections[0]!;
  const logger = options.logger ?? first.logger;
  return Object.freeze({
    connections,
    prefix: options.prefix ?? defaults.prefix,
    durable: options.fence === 'durable',
    clock: first.clock,
    random: first.random,
    codec: options.codec ?? first.codec,
    maxPayloadBytes: options.maxPayloadBytes ?? first.maxPayloadBytes,
    logger,
    onError: options.onError || options.logger ? errorReporter(logger, options.onError) : first.onError,
  });
}

/**
 * What a value of each option usually is. zod judges everything else, and alone refuses: it takes longer than the rest of
 * an acquisition.
 */
const usual: Readonly<Record<string, (value: unknown) => boolean>> = {
  ttlMs: (value) => Number.isSafeInteger(value) && (value as number) >= shortestTtlMs,
  waitMs: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  signal: (value) => value instanceof AbortSignal,
  autoExtend: (value) => typeof value === 'boolean',
  metadata: () => true,
};

/** Whether these options need no closer look. Accepts less than the schema of `form` does, never more. */
export function areUsual(form: AcquireForm, options: object): boolean {
  for (const key in options) {
    const isUsual = Object.hasOwn(usual, key) && (key !== 'waitMs' || takesWaitMs(form));
    if (!isUsual || !usual[key]!((options as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** What the schema says. Throws `ConfigurationError`. */
export function judge(form: AcquireForm, options: unknown): void {
  parseOptions(schemas[form], options);
}

function takesWaitMs(form: AcquireForm): boolean {
  return form === 'acquire' || form === 'acquireCount';
}

/** Validates and defaults the options of one call. */
export function resolveAcquireOptions(
  form: AcquireForm,
  options: AcquireOptions & { readonly count?: number | undefined },
  locks: ResolvedLocksOptions,
  defaultWaitMs: number = defaults.waitMs,
): ResolvedAcquireOptions {
  if (typeof options !== 'object' || options === null || !areUsual(form, options)) {
    judge(form, options);
  }
  const { ttlMs = defaults.ttlMs, maxHoldMs = Infinity } = options;
  if (maxHoldMs < ttlMs) {
    throw new ConfigurationError('options.maxHoldMs', `must be at least ttlMs (${ttlMs})`, maxHoldMs);
  }
  return {
    ttlMs,
    waitMs: takesWaitMs(form) ? (options.waitMs ?? defaultWaitMs) : 0,
    signal: options.signal,
    autoExtend: options.autoExtend ?? defaults.autoExtend,
    maxHoldMs,
    metadata: encodeMetadata(options.metadata, locks),
    count: options.count ?? 1,
  };
}

function encodeMetadata(metadata: unknown, { codec, maxPayloadBytes }: ResolvedLocksOptions): string {
  if (metadata === undefined) return '';
  const text = codec.encode(metadata);
  assertPayloadSize(text, maxPayloadBytes, 'metadata');
  return markBody(text);
}

/** Options of `locks.election`. */
export interface ElectionOptions {
  /** How long leadership lasts without a renewal: how long a dead leader stays. @defaultValue 10,000 */
  readonly ttlMs?: number | undefined;
  /** What observers see of this candidate when it leads, for example its address. */
  readonly metadata?: unknown;
}

const electionSchema = z.strictObject({
  ttlMs: milliseconds(shortestTtlMs).optional(),
  metadata: z.unknown().optional(),
});

export function resolveElectionOptions(options: ElectionOptions): { ttlMs: number; metadata: unknown } {
  parseOptions(electionSchema, options);
  return { ttlMs: options.ttlMs ?? defaults.ttlMs, metadata: options.metadata };
}

/** Options of `locks.latch`. */
export interface LatchOptions {
  /** How long the latch is kept after its last use, counted down or not. @defaultValue 24 hours */
  readonly keepMs?: number | undefined;
}

const latchSchema = z.strictObject({ keepMs: milliseconds(1_000).optional() });

export function resolveLatchOptions(total: unknown, options: LatchOptions): { keepMs: number } {
  parseOptions(count(1, 2 ** 31 - 1), total, 'count');
  parseOptions(latchSchema, options);
  return { keepMs: options.keepMs ?? 24 * 60 * 60 * 1_000 };
}

/** How `latch.wait` waits. */
export interface LatchWaitOptions {
  /** How long to wait. @defaultValue 10,000 */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const latchWaitSchema = z.strictObject({ waitMs: waitSchema.optional(), signal: signalSchema.optional() });

export function resolveLatchWait(options: LatchWaitOptions): {
  waitMs: number;
  signal: AbortSignal | undefined;
} {
  parseOptions(latchWaitSchema, options);
  return { waitMs: options.waitMs ?? defaults.waitMs, signal: options.signal };
}

/** What `list` shows. */
export interface ListOptions {
  /** A pattern of the names: segments by `.`, `*` one, `**` the rest. @defaultValue all */
  readonly match?: string | undefined;
}

const listSchema = z.strictObject({ match: z.string({ error: 'must be a string' }).optional() });

export function resolveListOptions(options: ListOptions): ListOptions {
  return parseOptions(listSchema, options);
}

const closeSchema = z.strictObject({ drainMs: waitSchema.optional(), abortMs: waitSchema.optional() });

export function assertCloseOptions(options: CloseOptions): void {
  parseOptions(closeSchema, options);
}

/** Options of a guarded write. */
export interface FencedWriteOptions {
  /** How long the value is kept; the highest token is kept for good. @defaultValue for good */
  readonly ttlMs?: number | undefined;
}

const fencedWriteSchema = z.strictObject({ ttlMs: milliseconds(1).optional() });

export function resolveFencedWrite(options: FencedWriteOptions): { ttlMs: number } {
  parseOptions(fencedWriteSchema, options);
  return { ttlMs: options.ttlMs ?? 0 };
}

/** A fencing token, or a lease that has one. */
export function tokenOf(guard: number | { readonly fencingToken: number }): number {
  const token = typeof guard === 'number' ? guard : guard?.fencingToken;
  parseOptions(count(0), token, 'fencingToken');
  return token;
}

/** Milliseconds for `extend`. */
export function assertTtl(value: unknown): asserts value is number {
  parseOptions(milliseconds(shortestTtlMs), value, 'ttlMs');
}

/** How many permits there are. */
export function assertPermits(value: unknown): asserts value is number {
  parseOptions(z.strictObject({ permits: count(1, 2 ** 31 - 1) }), value, 'options');
}

/** The names of `acquireAll`. */
export function assertNames(value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new ConfigurationError('names', 'must be a list of at least one name', value);
  }
  if (value.length > mostNames)
    throw new ConfigurationError('names', `must be at most ${mostNames}`, value.length);
  value.forEach((name, index) => assertName(name, `names[${index}]`));
  if (new Set(value).size < value.length)
    throw new ConfigurationError('names', 'must name each lock once', value);
}

const mostNames = 100;
