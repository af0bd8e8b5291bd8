import type { ClientSettings } from '../driver.ts';
import type { ResolvedRedisOptions } from '../options.ts';
import type { Credentials } from '../target.ts';

/**
 * How often a server that reads its data back is asked whether it is done. ioredis would wait for as long as the server
 * guesses, a second at least and ten at most, and a guess made early is far too long.
 */
const loadingPollMs = 100;

/**
 * The ioredis settings that decide correctness. Passed to every client this package makes, also to the duplicate of a
 * handed-in one.
 */
export function correctnessSettings(options: ResolvedRedisOptions): Record<string, unknown> {
  return {
    lazyConnect: true,
    // Calls wait in our own bounded queue: what waits in ioredis's is sent after its caller gave up.
    enableOfflineQueue: false,
    // Re-sending executes a command twice whose reply was lost. Scripts that may be repeated say so and we repeat them.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: false,
    commandTimeout: options.commandTimeoutMs,
    // Without it a client never leaves a frozen server: commandTimeout rejects the call but keeps the dead socket.
    socketTimeout: options.socketTimeoutMs,
    connectTimeout: options.socketTimeoutMs,
    // Without it a frozen sentinel is waited for until it thaws.
    sentinelCommandTimeout: options.socketTimeoutMs,
    keepAlive: 10_000,
    // RESP3 drops invalidation pushes and changes subscriber mode; both majors speak RESP2 alike.
    protocol: 2,
    failoverDetector: true,
    maxLoadingRetryTime: loadingPollMs,
    retryStrategy: reconnectDelay(options),
  };
}

/** Who we are to Redis, and the TLS of a `rediss` URL with what the `tls` option adds. */
export function credentials(
  { username, password, tls }: Credentials,
  options: ResolvedRedisOptions,
): Record<string, unknown> {
  return { username, password, ...(tls ? { tls: { ...options.tls } } : {}) };
}

/**
 * A connection for one caller at a time, with time-outs of its own. It does not come back by itself: WATCH, MULTI and
 * SELECT are gone with its socket, so the pool replaces it.
 */
export function clientSettings(
  options: ResolvedRedisOptions,
  { socketTimeoutMs, commandTimeoutMs }: ClientSettings,
): Record<string, unknown> {
  const shared = correctnessSettings(options);
  return {
    ...shared,
    socketTimeout: socketTimeoutMs,
    commandTimeout: commandTimeoutMs,
    retryStrategy: null,
  };
}

const firstDelayMs = 20;
const longestDelayMs = 1_000;

/** Capped and jittered, so that a fleet does not come back in one instant; short enough to be back within 2 s. */
export function reconnectDelay(options: ResolvedRedisOptions): (times: number) => number {
  return (times) => {
    const ceiling = Math.min(firstDelayMs * 2 ** Math.min(times - 1, 10), longestDelayMs);
    return Math.round(ceiling * (0.5 + options.random.next() / 2));
  };
}
