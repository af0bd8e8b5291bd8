import {
  isLockstepError,
  RedisAccessError,
  RedisCommandError,
  RedisFullError,
  RedisUnavailableError,
  type LockstepError,
  type UnavailableReason,
} from '@lockstep/core';

/** Replies by which Redis says that it did not execute the command, and what each means to a caller. */
const refusals: Readonly<Record<string, UnavailableReason>> = {
  READONLY: 'readonly',
  MASTERDOWN: 'readonly',
  LOADING: 'loading',
  CLUSTERDOWN: 'cluster-down',
  TRYAGAIN: 'try-again',
  MOVED: 'redirects',
  ASK: 'redirects',
  BUSY: 'busy',
  MISCONF: 'misconf',
  NOREPLICAS: 'no-replicas',
};

const explanations: Readonly<Record<UnavailableReason, string>> = {
  connection: 'the connection is down',
  timeout: 'no reply in time',
  readonly:
    'the node is a replica and refuses writes; a failover is under way or the address is not the master',
  loading: 'the server is still loading its data',
  'cluster-down': 'the cluster has no owner for the slot',
  redirects: 'the slot keeps moving between nodes',
  'try-again': 'the slot is being migrated',
  busy: 'another script blocks the server',
  misconf: 'the server refuses writes because its last save failed; see its log and disk',
  'no-replicas': 'fewer replicas are in sync than min-replicas-to-write asks for',
  'max-clients': 'the server has reached maxclients',
};

/** Messages of the client library, not of the server. */
const clientFailures: readonly (readonly [
  pattern: RegExp,
  reason: UnavailableReason,
  outcomeUnknown: boolean,
])[] = [
  [/isn't writeable and enableOfflineQueue|isn't ready and enableOfflineQueue/, 'connection', false],
  [/^No connection to the master of this slot/, 'connection', false],
  [/^Not sent: /, 'timeout', false],
  // ioredis counts a redirect for each of these, and none of them executes the call.
  [/Too many Cluster redirections\. Last error: \w*:? ?TRYAGAIN/, 'try-again', false],
  [/Too many Cluster redirections\. Last error: \w*:? ?(MOVED|ASK)/, 'redirects', false],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|All sentinels are unreachable|Failed to refresh slots cache/,
    'connection',
    false,
  ],
  [/Command timed out|ETIMEDOUT|Socket timeout/, 'timeout', true],
  [/Too many Cluster redirections/, 'redirects', true],
  [
    /Connection is closed|max retries per request|ECONNRESET|EPIPE|Connection lost|aborted|None of startup nodes/,
    'connection',
    true,
  ],
];

/** What a failed call was, for the message. */
export interface FailedCall {
  /** The command or script. */
  readonly what: string;
  readonly address: string;
}

/**
 * Turns whatever ioredis or Redis threw into one typed error that says whether to retry and whether the call may have
 * been executed. The only place where Redis errors are wrapped.
 */
export function translateError(error: unknown, call: FailedCall): LockstepError {
  if (isLockstepError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = serverCode(message);
  const reason = refusals[code];
  if (reason !== undefined) return unavailable(call, reason, false, error);
  if (code === 'OOM') {
    return new RedisFullError(`${place(call)}: Redis is at maxmemory and refuses writes`, { cause: error });
  }
  if (code === 'NOPERM') return permission(message, call, error);
  if (
    code === 'NOAUTH' ||
    code === 'WRONGPASS' ||
    /invalid (username-)?password|without any password configured/i.test(message)
  ) {
    return new RedisAccessError(
      `${place(call)}: Redis refuses the credentials`,
      {
        reason: 'credentials',
        remedy: 'give the user and password of this Redis in the URL: redis://user:password@host',
      },
      { cause: error },
    );
  }
  if (/max number of clients/.test(message)) return unavailable(call, 'max-clients', false, error);
  for (const [pattern, failure, outcomeUnknown] of clientFailures) {
    if (pattern.test(message)) return unavailable(call, failure, outcomeUnknown, error);
  }
  return new RedisCommandError(`${place(call)}: ${message}`, { cause: error });
}

/** Whether an error says that the script is not in the server's cache. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && serverCode(error.message) === 'NOSCRIPT';
}

/** A call that was not sent, or not answered, before its deadline. */
export function unavailable(
  call: FailedCall,
  reason: UnavailableReason,
  outcomeUnknown: boolean,
  cause?: unknown,
): RedisUnavailableError {
  const detail =
    cause instanceof Error && reason === 'connection' ? ` (${cause.message || errorCode(cause)})` : '';
  return new RedisUnavailableError(
    `${place(call)}: ${explanations[reason]}${detail}`,
    { reason, outcomeUnknown },
    cause === undefined ? undefined : { cause },
  );
}

function place(call: FailedCall): string {
  return `${call.what} at ${call.address}`;
}

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The code that opens an error reply. Redis 6 puts a script's inner error behind its own: `ERR ... user_script:3: -OOM ...`. */
function serverCode(message: string): string {
  const inner = /^ERR Error running script.*?: -([A-Z]+) /.exec(message);
  return inner?.[1] ?? /^-?([A-Z]+)(?: |$)/.exec(message)?.[1] ?? '';
}

// NOPERM This user has no permissions to run the 'get' command | ... to access one of the keys used as arguments
function permission(message: string, call: FailedCall, cause: unknown): RedisAccessError {
  const command = /run the '([^']+)' command/.exec(message)?.[1];
  const remedy = command
    ? `+${command}`
    : /channel/.test(message)
      ? '&<prefix>* (channels)'
      : '~{<prefix>* ~<prefix>* (keys)';
  return new RedisAccessError(
    `${place(call)}: the ACL user may not ${command ? `run ${command}` : 'use this key or channel'}; allow it with ${remedy}`,
    { reason: 'permission', remedy },
    { cause },
  );
}
