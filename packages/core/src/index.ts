export { abortable, abortReason, sleep } from './abort.ts';
export { backoffSchema } from './backoff-schema.ts';
export { backoffDelay, BackoffState } from './backoff.ts';
export { elapsedSince, instant, systemClock } from './clock.ts';
export { healthReport } from './closeable.ts';
export {
  assertPayloadSize,
  bodyMark,
  defaultMaxPayloadBytes,
  jsonCodec,
  markBody,
  unmarkBody,
} from './codec.ts';
export { errorTable } from './error-table.ts';
export {
  ClosedError,
  ConfigurationError,
  ConflictError,
  describeValue,
  isLockstepError,
  LayoutTooNewError,
  LeaseLostError,
  LockstepError,
  LockTimeoutError,
  OperationTimeoutError,
  PayloadInvalidError,
  PayloadTooLargeError,
  PoolExhaustedError,
  RedisAccessError,
  RedisCommandError,
  RedisFullError,
  RedisUnavailableError,
  ShutdownError,
  TaskCancelledError,
  TaskTimeoutError,
} from './errors.ts';
export { LeaseWatch } from './lease-watch.ts';
export { abortMargin, driftAllowance, LeaseValidity } from './lease.ts';
export { consoleLogger, errorReporter } from './logger.ts';
export { whenReady } from './maybe-promise.ts';
export { assertName, count, milliseconds, parseOptions } from './options.ts';
export { assertUnambiguous, compilePattern, matchPattern, mostSpecific } from './pattern.ts';
export { createPayloadGate, createSyncPayloadGate } from './payload-gate.ts';
export { systemRandom } from './random.ts';
export { validate, validateSync } from './schema.ts';

export type { SleepOptions } from './abort.ts';
export type {
  Backoff,
  BackoffContext,
  CustomBackoff,
  CustomBackoffs,
  DecorrelatedBackoff,
  FixedBackoff,
  GrowingBackoff,
  ListBackoff,
} from './backoff.ts';
export type { Clock, Instant, Timer, TimerOptions } from './clock.ts';
export type {
  Closeable,
  CloseOptions,
  CloseReport,
  HealthCheck,
  HealthReport,
  HealthStatus,
} from './closeable.ts';
export type { Codec } from './codec.ts';
export type { ErrorTableRow } from './error-table.ts';
export type { AnyLockstepError, ErrorCode, ErrorOf, PayloadIssue, UnavailableReason } from './errors.ts';
export type { Lease } from './lease.ts';
export type { ErrorContext, ErrorHandler, Logger } from './logger.ts';
export type { MaybePromise } from './maybe-promise.ts';
export type { BaseOptions } from './options.ts';
export type { CompiledPattern, Matching, MatchingPattern } from './pattern.ts';
export type {
  PayloadContract,
  PayloadGate,
  PayloadInput,
  PayloadOutput,
  SyncPayloadGate,
} from './payload-gate.ts';
export type { Random } from './random.ts';
export type {
  InferInput,
  InferOutput,
  StandardIssue,
  StandardResult,
  StandardSchemaProps,
  StandardSchemaV1,
} from './standard-schema.ts';
