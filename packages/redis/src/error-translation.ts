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

/** What Node says of a certificate that it, or the server, does not accept, and of a server that does not speak TLS. */
const refusedHandshake = /\bcertificate\b|alert unknown ca|wrong version number/i;

/** What Redis says of a command, key or channel inside a script that the ACL does not allow. */
const refusedInScript = /^ERR (The user executing the script can't|ACL failure in script)/;

/** What a failed call was, for the message. */
export interface FailedCall {
  /** The command or script. */
  readonly what: string;
  readonly address: string;
  /** The text of a script, where one was sent: Redis before 7.2 names the line that the ACL forbids, not the command. */
  readonly source?: (() => string) | undefined;
}

/**
 * Turns whatever ioredis or Redis threw into one typed error that says whether to retry and whether the call may have
 * been executed. The only place where Redis errors are wrapped.
 */
export function translateError(error: unknown, call: FailedCall): LockstepError {
  if (isLockstepError(error)) return error;
  forgetArguments(error);
  const message = withoutSentinels(error instanceof Error ? error.message : String(error));
  const code = serverCode(message);
  const reason = refusals[code];
  if (reason !== undefined) return unavailable(call, reason, false, error);
  if (code === 'OOM') {
    return new RedisFullError(`${place(call)}: Redis is at maxmemory and refuses writes`, { cause: error });
  }
  if (code === 'NOPERM' || refusedInScript.test(message)) return permission(message, call, error);
  if (
    code === 'NOAUTH' ||
    code === 'WRONGPASS' ||
    /invalid (username-)?password|without any password configured/i.test(message)
  ) {
    return new RedisAccessError(
      `${place(call)}: Redis refuses the credentials`,
      {
        reason: 'credentials',
        remedy:
          'give the user and password of this Redis in the URL: redis://user:password@host; those of sentinels in the option sentinel',
      },
      { cause: error },
    );
  }
  if (code === '' && refusedHandshake.test(message)) return untrusted(message, call, error);
  if (/max number of clients/.test(message)) return unavailable(call, 'max-clients', false, error);
  for (const [pattern, failure, outcomeUnknown] of clientFailures) {
    if (pattern.test(message)) return unavailable(call, failure, outcomeUnknown, error);
  }
  return new RedisCommandError(`${place(call)}: ${message}`, { cause: error });
}

/** ioredis hangs the command on its errors, and so passwords and payloads, where a log would print them. */
function forgetArguments(error: unknown): void {
  const holder = error as
    { command?: { readonly name?: string; readonly args?: unknown } } | null | undefined;
  if (holder?.command?.args !== undefined) holder.command = { name: holder.command.name ?? '' };
}

/** ioredis puts what a sentinel answered, for example NOAUTH, behind words of its own. */
function withoutSentinels(message: string): string {
  const answer = /^All sentinels are unreachable.*? Last error: (.*)$/s.exec(message)?.[1] ?? '';
  return serverCode(answer) === '' ? message : answer;
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

/** Waiting does not cure it, so it is told at once; the connection goes on trying, for the day it is renewed. */
function untrusted(message: string, call: FailedCall, cause: unknown): RedisAccessError {
  const remedy = /wrong version number/i.test(message)
    ? 'the server does not speak TLS on this port: use its TLS port, or a URL without rediss'
    : 'give the authority of this server in tls.ca, the name in its certificate in tls.servername, or renew it';
  const data = { reason: 'credentials', remedy } as const;
  return new RedisAccessError(`${place(call)}: TLS is refused (${message}); ${remedy}`, data, { cause });
}

/** The commands on the line that Redis names: mostly one. */
function commandsInScript(message: string, { source }: FailedCall): string[] {
  const line = /can't run this command.* on @user_script:(\d+)/.exec(message)?.[1];
  if (line === undefined || source === undefined) return [];
  const text = source().split('\n')[Number(line) - 1] ?? '';
  const found = [...text.matchAll(/redis\.p?call\('(\w+)'/g)].map(([, command]) => command!.toLowerCase());
  return [...new Set(found)];
}

// NOPERM This user has no permissions to run the 'get' command | ... to access one of the keys used as arguments
function permission(message: string, call: FailedCall, cause: unknown): RedisAccessError {
  const named = /run the '([^']+)' command/.exec(message)?.[1];
  const commands = named === undefined ? commandsInScript(message, call) : [named];
  const command = commands.join(' or ');
  const remedy = command
    ? commands.map((name) => `+${name}`).join(' ')
    : /channel/.test(message)
      ? '&<prefix>* (channels)'
      : '~{<prefix>* ~<prefix>* (keys)';
  return new RedisAccessError(
    `${place(call)}: the ACL user may not ${command ? `run ${command}` : 'use this key or channel'}; allow it with ${remedy}`,
    { reason: 'permission', remedy },
    { cause },
  );
}
