import type { ErrorCode, ErrorOf, LockstepError } from './errors.ts';

/** What is known of a code without an instance at hand. */
export interface ErrorTableRow<Code extends ErrorCode = ErrorCode> {
  /** The class, by its `name`. */
  readonly name: ErrorOf<Code>['name'];
  readonly retryable: ErrorOf<Code>['retryable'];
  /** The fields the class adds. */
  readonly data: Readonly<Record<Exclude<keyof ErrorOf<Code>, keyof LockstepError>, true>>;
}

/**
 * Every code with its class, at run time. Each value is the literal that the class declares, so the compiler refuses a
 * row that is missing or differs; `docs/errors.md` is compared with it by a test.
 */
export const errorTable: { readonly [Code in ErrorCode]: ErrorTableRow<Code> } = {
  CONFIGURATION: {
    name: 'ConfigurationError',
    retryable: false,
    data: { path: true, rule: true, value: true },
  },
  REDIS_UNAVAILABLE: {
    name: 'RedisUnavailableError',
    retryable: true,
    data: { reason: true, outcomeUnknown: true },
  },
  REDIS_FULL: { name: 'RedisFullError', retryable: true, data: {} },
  REDIS_ACCESS: { name: 'RedisAccessError', retryable: false, data: { reason: true, remedy: true } },
  REDIS_COMMAND: { name: 'RedisCommandError', retryable: false, data: {} },
  OPERATION_TIMEOUT: {
    name: 'OperationTimeoutError',
    retryable: true,
    data: { operation: true, timeoutMs: true },
  },
  CLOSED: { name: 'ClosedError', retryable: false, data: { what: true } },
  SHUTDOWN: { name: 'ShutdownError', retryable: true, data: {} },
  LEASE_LOST: {
    name: 'LeaseLostError',
    retryable: false,
    data: { lease: true, fencingToken: true, reason: true },
  },
  LOCK_TIMEOUT: { name: 'LockTimeoutError', retryable: true, data: { lock: true, waitedMs: true } },
  CONFLICT: { name: 'ConflictError', retryable: true, data: { what: true, expected: true, current: true } },
  PAYLOAD_TOO_LARGE: {
    name: 'PayloadTooLargeError',
    retryable: false,
    data: { what: true, bytes: true, maxBytes: true },
  },
  PAYLOAD_INVALID: { name: 'PayloadInvalidError', retryable: false, data: { what: true, issues: true } },
  LAYOUT_TOO_NEW: {
    name: 'LayoutTooNewError',
    retryable: false,
    data: { what: true, found: true, known: true },
  },
  POOL_EXHAUSTED: {
    name: 'PoolExhaustedError',
    retryable: true,
    data: { pool: true, size: true, waiting: true, waitedMs: true },
  },
  TASK_TIMEOUT: { name: 'TaskTimeoutError', retryable: true, data: { task: true, timeoutMs: true } },
  TASK_CANCELLED: { name: 'TaskCancelledError', retryable: false, data: { task: true } },
};
