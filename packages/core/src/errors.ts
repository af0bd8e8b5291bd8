/**
 * One base class, one subclass per decision a caller makes. Guard with {@link isLockstepError} and a code, never
 * with `instanceof`: two copies of this package may live in one process.
 */

const brand = Symbol.for('lockstep.error');

/** What every error of the toolkit carries. `cause` is kept whenever there is one. */
export abstract class LockstepError extends Error {
  /** A stable literal, listed in `docs/errors.md`. */
  abstract readonly code: string;
  /** Whether the same call, repeated later, may succeed. */
  abstract readonly retryable: boolean;
  readonly [brand] = true;
}

/** Bad input or options. Thrown before anything is written. Fix the call; repeating it cannot help. */
export class ConfigurationError extends LockstepError {
  override readonly name = 'ConfigurationError';
  readonly code = 'CONFIGURATION';
  readonly retryable = false;
  /** Where the bad value sits, for example `options.ttlMs`. */
  readonly path: string;
  /** The rule it breaks, for example `must be at least 10`. */
  readonly rule: string;
  /** The value as it was given. */
  readonly value: unknown;

  constructor(path: string, rule: string, value: unknown, options?: ErrorOptions) {
    super(`${path} ${rule}, got ${describeValue(value)}`, options);
    this.path = path;
    this.rule = rule;
    this.value = value;
  }
}

/** Why Redis could not serve a call; names the row of the table in `docs/errors.md`. */
export type UnavailableReason =
  | 'connection'
  | 'timeout'
  | 'readonly'
  | 'loading'
  | 'cluster-down'
  | 'redirects'
  | 'try-again'
  | 'busy'
  | 'misconf'
  | 'no-replicas'
  | 'max-clients';

/** Redis cannot be reached or cannot serve the call now. Wait and try again. */
export class RedisUnavailableError extends LockstepError {
  override readonly name = 'RedisUnavailableError';
  readonly code = 'REDIS_UNAVAILABLE';
  readonly retryable = true;
  readonly reason: UnavailableReason;
  /** True when the call may have been executed although no reply came. */
  readonly outcomeUnknown: boolean;

  constructor(
    message: string,
    data: { reason: UnavailableReason; outcomeUnknown: boolean },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = data.reason;
    this.outcomeUnknown = data.outcomeUnknown;
  }
}

/** Redis is at `maxmemory` and refuses writes. Scripts that free memory still run, so a full Redis can be drained. */
export class RedisFullError extends LockstepError {
  override readonly name = 'RedisFullError';
  readonly code = 'REDIS_FULL';
  readonly retryable = true;
}

/** Wrong credentials, or an ACL that does not allow the command, key or channel. Nothing was executed. */
export class RedisAccessError extends LockstepError {
  override readonly name = 'RedisAccessError';
  readonly code = 'REDIS_ACCESS';
  readonly retryable = false;
  readonly reason: 'credentials' | 'permission';
  /** The ACL rule that would allow the call, for example `+evalsha`. */
  readonly remedy: string;

  constructor(
    message: string,
    data: { reason: 'credentials' | 'permission'; remedy: string },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.reason = data.reason;
    this.remedy = data.remedy;
  }
}

/** Redis answered with an error that no retry cures, for example WRONGTYPE: another program uses the key. */
export class RedisCommandError extends LockstepError {
  override readonly name = 'RedisCommandError';
  readonly code = 'REDIS_COMMAND';
  readonly retryable = false;
}

/** An operation did not end within its `timeoutMs`. */
export class OperationTimeoutError extends LockstepError {
  override readonly name = 'OperationTimeoutError';
  readonly code = 'OPERATION_TIMEOUT';
  readonly retryable = true;
  readonly operation: string;
  readonly timeoutMs: number;

  constructor(operation: string, timeoutMs: number, options?: ErrorOptions) {
    super(`${operation} did not end within ${timeoutMs} ms`, options);
    this.operation = operation;
    this.timeoutMs = timeoutMs;
  }
}

/** The object was closed before or during the call. */
export class ClosedError extends LockstepError {
  override readonly name = 'ClosedError';
  readonly code = 'CLOSED';
  readonly retryable = false;
  readonly what: string;

  constructor(what: string, options?: ErrorOptions) {
    super(`${what} is closed`, options);
    this.what = what;
  }
}

/** Reason of a signal that aborts because the process shuts down. */
export class ShutdownError extends LockstepError {
  override readonly name = 'ShutdownError';
  readonly code = 'SHUTDOWN';
  readonly retryable = true;

  constructor(message = 'shutting down', options?: ErrorOptions) {
    super(message, options);
  }
}

/** A lease (lock, task, membership) is not ours any more. Stop: someone else may hold it, with a larger token. */
export class LeaseLostError extends LockstepError {
  override readonly name = 'LeaseLostError';
  readonly code = 'LEASE_LOST';
  readonly retryable = false;
  readonly lease: string;
  readonly fencingToken: number;
  /** `expired` by the local clock, `refused` by Redis, or `released` by this process. */
  readonly reason: 'expired' | 'refused' | 'released';

  constructor(data: { lease: string; fencingToken: number; reason: 'expired' | 'refused' | 'released' }) {
    super(`lease on ${data.lease} (token ${data.fencingToken}) is lost: ${data.reason}`);
    this.lease = data.lease;
    this.fencingToken = data.fencingToken;
    this.reason = data.reason;
  }
}

/** A lock was not granted within `waitMs`. It is busy; nothing of the attempt is left behind. */
export class LockTimeoutError extends LockstepError {
  override readonly name = 'LockTimeoutError';
  readonly code = 'LOCK_TIMEOUT';
  readonly retryable = true;
  readonly lock: string;
  readonly waitedMs: number;

  constructor(lock: string, waitedMs: number, options?: ErrorOptions) {
    super(`lock ${lock} was not granted within ${waitedMs} ms`, options);
    this.lock = lock;
    this.waitedMs = waitedMs;
  }
}

/** A write named a revision that is not the current one. Read, decide again, write. */
export class ConflictError extends LockstepError {
  override readonly name = 'ConflictError';
  readonly code = 'CONFLICT';
  readonly retryable = true;
  readonly what: string;
  readonly expected: unknown;
  readonly current: unknown;

  constructor(data: { what: string; expected: unknown; current: unknown }) {
    super(`${data.what}: expected ${describeValue(data.expected)}, found ${describeValue(data.current)}`);
    this.what = data.what;
    this.expected = data.expected;
    this.current = data.current;
  }
}

/** The encoded payload is larger than `maxPayloadBytes`. Store it elsewhere and send a reference. */
export class PayloadTooLargeError extends LockstepError {
  override readonly name = 'PayloadTooLargeError';
  readonly code = 'PAYLOAD_TOO_LARGE';
  readonly retryable = false;
  readonly what: string;
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(data: { what: string; bytes: number; maxBytes: number }) {
    super(`${data.what} is ${data.bytes} bytes, the limit is ${data.maxBytes} (maxPayloadBytes)`);
    this.what = data.what;
    this.bytes = data.bytes;
    this.maxBytes = data.maxBytes;
  }
}

/** One thing a schema found wrong. */
export interface PayloadIssue {
  readonly path: string;
  readonly message: string;
}

/** A payload that does not decode, or that its schema refuses. */
export class PayloadInvalidError extends LockstepError {
  override readonly name = 'PayloadInvalidError';
  readonly code = 'PAYLOAD_INVALID';
  readonly retryable = false;
  readonly what: string;
  readonly issues: readonly PayloadIssue[];

  constructor(what: string, issues: readonly PayloadIssue[], options?: ErrorOptions) {
    super(
      `${what} is invalid: ${issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ')}`,
      options,
    );
    this.what = what;
    this.issues = issues;
  }
}

/** A structure in Redis was raised to a layout this release does not know. Nothing was written; upgrade this process. */
export class LayoutTooNewError extends LockstepError {
  override readonly name = 'LayoutTooNewError';
  readonly code = 'LAYOUT_TOO_NEW';
  readonly retryable = false;
  readonly what: string;
  readonly found: number;
  readonly known: number;

  constructor(data: { what: string; found: number; known: number }) {
    super(`${data.what} has layout ${data.found}, this release knows ${data.known}`);
    this.what = data.what;
    this.found = data.found;
    this.known = data.known;
  }
}

/** No connection became free within `acquireTimeoutMs`. */
export class PoolExhaustedError extends LockstepError {
  override readonly name = 'PoolExhaustedError';
  readonly code = 'POOL_EXHAUSTED';
  readonly retryable = true;
  readonly pool: string;
  readonly size: number;
  readonly waiting: number;
  readonly waitedMs: number;

  constructor(data: {
    pool: string;
    size: number;
    waiting: number;
    waitedMs: number;
    purpose?: string | undefined;
  }) {
    const purpose = data.purpose === undefined ? '' : ` for ${data.purpose}`;
    super(
      `pool ${data.pool}: no connection${purpose} within ${data.waitedMs} ms (${data.size} borrowed, ${data.waiting} waiting)`,
    );
    this.pool = data.pool;
    this.size = data.size;
    this.waiting = data.waiting;
    this.waitedMs = data.waitedMs;
  }
}

/** A handler ran longer than the task's `timeoutMs`. Reason of its signal; counts as a failed attempt. */
export class TaskTimeoutError extends LockstepError {
  override readonly name = 'TaskTimeoutError';
  readonly code = 'TASK_TIMEOUT';
  readonly retryable = true;
  readonly task: string;
  readonly timeoutMs: number;

  constructor(task: string, timeoutMs: number) {
    super(`task ${task} ran longer than ${timeoutMs} ms`);
    this.task = task;
    this.timeoutMs = timeoutMs;
  }
}

/** The task was cancelled by someone. Reason of its handler's signal. */
export class TaskCancelledError extends LockstepError {
  override readonly name = 'TaskCancelledError';
  readonly code = 'TASK_CANCELLED';
  readonly retryable = false;
  readonly task: string;

  constructor(task: string) {
    super(`task ${task} was cancelled`);
    this.task = task;
  }
}

/** Every error class, so that a code narrows to its data. */
export type AnyLockstepError =
  | ConfigurationError
  | RedisUnavailableError
  | RedisFullError
  | RedisAccessError
  | RedisCommandError
  | OperationTimeoutError
  | ClosedError
  | ShutdownError
  | LeaseLostError
  | LockTimeoutError
  | ConflictError
  | PayloadTooLargeError
  | PayloadInvalidError
  | LayoutTooNewError
  | PoolExhaustedError
  | TaskTimeoutError
  | TaskCancelledError;

/** The literal codes of {@link AnyLockstepError}. */
export type ErrorCode = AnyLockstepError['code'];

/** The error class that carries a code. */
export type ErrorOf<Code extends ErrorCode> = Extract<AnyLockstepError, { readonly code: Code }>;

/**
 * Whether a caught value is an error of the toolkit, narrowed by code when one is given. Works across copies and
 * versions of the package.
 */
export function isLockstepError<Code extends ErrorCode>(error: unknown, code: Code): error is ErrorOf<Code>;
export function isLockstepError(error: unknown): error is AnyLockstepError;
export function isLockstepError(error: unknown, code?: ErrorCode): boolean {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false;
  return code === undefined || (error as { code?: unknown }).code === code;
}

const longestDescription = 80;

/** A short, safe rendering of a refused value: never throws, never long. */
export function describeValue(value: unknown): string {
  try {
    if (typeof value === 'string') return JSON.stringify(clip(value));
    if (typeof value === 'function') return clip(`function ${value.name || '(anonymous)'}`);
    if (typeof value !== 'object' || value === null) return clip(String(value));
    return clip(jsonOf(value) ?? Object.prototype.toString.call(value));
  } catch {
    // A revoked proxy or a throwing getter lets itself be neither read nor named.
    return `unreadable ${typeof value}`;
  }
}

function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function clip(text: string): string {
  return text.length > longestDescription ? `${text.slice(0, longestDescription)}...` : text;
}
