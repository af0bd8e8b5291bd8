import {
  count,
  errorReporter,
  parseOptions,
  type BaseOptions,
  type Codec,
  type ErrorHandler,
  type Logger,
} from '@lockstep/core';
import type { Redis } from '@lockstep/redis';
import { z } from 'zod';
import type { QueueDefinition, TaskMap } from './definition.ts';
import { definitionShape, resolveDefinition, type ResolvedDefinition } from './definition-schema.ts';

/** A queue's definition, and what this process brings: `createQueue({ redis, ...emails })`. */
export interface QueueOptions<Tasks extends TaskMap> extends QueueDefinition<Tasks>, BaseOptions<Redis> {}

export interface ResolvedQueueOptions {
  readonly redis: Redis;
  readonly logger: Logger;
  readonly onError: ErrorHandler;
  readonly maxPayloadBytes: number;
  readonly codec: Codec;
  readonly definition: ResolvedDefinition;
}

const methods = (...names: string[]): z.ZodType<object> =>
  z.custom<object>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
    `must be an object with ${names.join(', ')}`,
  );

const schema = z.strictObject({
  ...definitionShape,
  redis: methods('run', 'subscribe', 'register', 'keyspace'),
  logger: methods('debug', 'info', 'warn', 'error').optional(),
  onError: z.custom((value) => typeof value === 'function', 'must be a function').optional(),
  maxPayloadBytes: count(1).optional(),
  codec: methods('encode', 'decode').optional(),
});

/** Validates the options of a queue; what is left out comes from the connection. Throws `ConfigurationError`. */
export function resolveQueueOptions<Tasks extends TaskMap>(
  options: QueueOptions<Tasks>,
): ResolvedQueueOptions {
  const { name, tasks, maxDeliveries, lowerShare, unknownTaskMs, deadLetterThresholds } = parseOptions(
    schema,
    options,
  );
  const parsed = { name, tasks, maxDeliveries, lowerShare, unknownTaskMs, deadLetterThresholds };
  // The validated copies of these are typed by their methods only; the caller's own are what they were checked as.
  const { redis, logger = redis.logger, onError, codec = redis.codec } = options;
  return Object.freeze({
    redis,
    logger,
    onError: onError === undefined ? redis.onError : errorReporter(logger, onError),
    maxPayloadBytes: options.maxPayloadBytes ?? redis.maxPayloadBytes,
    codec,
    definition: resolveDefinition(parsed, 'options'),
  });
}
