import { ConfigurationError, type ErrorHandler, type Logger } from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import type { EngineOptions } from './engine.ts';

export interface ResolvedEngineOptions {
  readonly redis: Redis;
  readonly kind: string;
  readonly name: string;
  readonly partitions: number;
  readonly visibilityMs: number;
  readonly maxDeliveries: number;
  readonly lowerShare: number;
  /** Per partition; 0 when there is no limit. */
  readonly maxPending: number;
  readonly keepOutcomesMs: number;
  readonly logger: Logger;
  readonly onError: ErrorHandler;
}

/** Defaults of an engine. */
const engineDefaults = {
  partitions: 1,
  visibilityMs: 30_000,
  maxDeliveries: 10,
  lowerShare: 16,
  keepOutcomesMs: 0,
} as const;

const shortestVisibilityMs = 100;
const longestVisibilityMs = 12 * 60 * 60_000;

/** Users' options were validated by the package that calls; what would corrupt a structure is checked here too. */
export function resolveOptions(options: EngineOptions): ResolvedEngineOptions {
  const { redis } = options;
  const partitions = options.partitions ?? engineDefaults.partitions;
  whole('partitions', partitions, 1, 1024);
  const visibilityMs = assertVisibility(
    'options.visibilityMs',
    options.visibilityMs ?? engineDefaults.visibilityMs,
  );
  const maxDeliveries = options.maxDeliveries ?? engineDefaults.maxDeliveries;
  whole('maxDeliveries', maxDeliveries, 1);
  const lowerShare = options.lowerShare ?? engineDefaults.lowerShare;
  whole('lowerShare', lowerShare, 0);
  const maxPending = options.maxPending ?? 0;
  whole('maxPending', maxPending, 0);
  const keepOutcomesMs = options.keepOutcomesMs ?? engineDefaults.keepOutcomesMs;
  whole('keepOutcomesMs', keepOutcomesMs, 0);
  return {
    redis,
    kind: options.kind,
    name: options.name,
    partitions,
    visibilityMs,
    maxDeliveries,
    lowerShare,
    maxPending: Math.ceil(maxPending / partitions),
    keepOutcomesMs,
    logger: options.logger ?? redis.logger,
    onError: options.onError ?? redis.onError,
  };
}

export function assertVisibility(path: string, value: number): number {
  return assertWhole(path, value, shortestVisibilityMs, longestVisibilityMs);
}

const longestDelayMs = 100 * 365 * 24 * 60 * 60_000;

/** A delay in whole milliseconds, rounded up: back-off with jitter gives fractions. */
export function assertDelay(path: string, value: number): number {
  if (value >= 0 && value <= longestDelayMs) return Math.ceil(value);
  throw new ConfigurationError(path, 'must be a number of milliseconds from 0 to 100 years', value);
}

export function assertWhole(
  path: string,
  value: number,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ConfigurationError(path, `must be a whole number from ${least} to ${most}`, value);
}

function whole(option: string, value: number, least: number, most?: number): void {
  assertWhole(`options.${option}`, value, least, most);
}
