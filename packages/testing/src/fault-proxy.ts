import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ConfigurationError, systemClock } from '@lockstep/core';
import type { Clock } from '@lockstep/core';
import type { LostReply } from './lost-reply.ts';
import { ProxyConnection } from './proxy-connection.ts';
import type { LaneFaults } from './proxy-lane.ts';

/** Where the real server is: an address, or a URL such as `redis://127.0.0.1:6379/2`. */
export type ProxyTarget = string | URL | { readonly host: string; readonly port: number };

/** `requests` go from client to server, `replies` the other way. */
export type ProxyDirection = 'requests' | 'replies' | 'both';

export interface FaultProxyOptions {
  /** Measures delays and throttling. @defaultValue the machine's clock */
  readonly clock?: Clock | undefined;
}

export interface ProxyCounters {
  /** Connections accepted so far. */
  readonly accepted: number;
  readonly open: number;
  /** Connections that ended with RST: by {@link FaultProxy.reset}, a lost reply, or an error of either side. */
  readonly reset: number;
  /** Replies lost by {@link FaultProxy.swallowReply}. */
  readonly lostReplies: number;
}

const loopback = '127.0.0.1';

/**
 * Opens a TCP proxy on a free port of 127.0.0.1. It forwards faithfully until a fault is switched on, and never drops
 * bytes of a connection that goes on: it holds them, or resets the connection.
 *
 * @throws CONFIGURATION for a target without a host or port.
 */
export async function faultProxy(target: ProxyTarget, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const proxy = new FaultProxy(targetUrl(target), options.clock ?? systemClock);
  await proxy.accept();
  return proxy;
}

/** Made by {@link faultProxy}. Faults hold for present and future connections until they are switched off. */
export class FaultProxy implements AsyncDisposable {
  readonly #target: URL;
  readonly #clock: Clock;
  readonly #connections = new Set<ProxyConnection>();
  readonly #requestFaults: LaneFaults = { held: false, delayMs: 0, bytesPerSecond: Infinity };
  readonly #replyFaults: LaneFaults = { held: false, delayMs: 0, bytesPerSecond: Infinity };
  readonly #lostReplies: LostReply[] = [];
  readonly #counters = { accepted: 0, reset: 0, lostReplies: 0 };
  #server: Server | undefined;
  #port = 0;

  constructor(target: URL, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  get port(): number {
    return this.#port;
  }

  /** The target's URL with the proxy's address; scheme, credentials and path stay. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = loopback;
    url.port = String(this.#port);
    return url.href;
  }

  get counters(): ProxyCounters {
    return { ...this.#counters, open: this.#connections.size };
  }

  /** Bytes that arrive from now on leave `ms` later, in order. 0 switches it off. */
  delay(ms: number, direction: ProxyDirection = 'both'): void {
    this.#setFaults(direction, { delayMs: ms });
  }

  /** Each connection forwards at most this many bytes a second. `Infinity` switches it off. */
  throttle(bytesPerSecond: number, direction: ProxyDirection = 'both'): void {
    this.#setFaults(direction, { bytesPerSecond });
  }

  /**
   * Half-open: connections are accepted and bytes taken, but nothing is forwarded until {@link resume}. With `replies`
   * the server executes what it is sent and its answers come late.
   */
  hold(direction: ProxyDirection = 'both'): void {
    this.#setFaults(direction, { held: true });
  }

  /** Forwards what was held, in order. */
  resume(direction: ProxyDirection = 'both'): void {
    this.#setFaults(direction, { held: false });
  }

  /** Ends every connection with RST on both sides. New ones are still accepted. */
  reset(): void {
    for (const connection of [...this.#connections]) connection.reset();
  }

  /**
   * The lost reply: the next request (that contains `match`, as sent: ioredis sends lower-case command names) reaches
   * the server and is executed; its reply is thrown away and the connection reset. Once per call. Replies to earlier
   * requests that came with it may be lost too. RESP2 connections that do not subscribe.
   */
  swallowReply(options: { readonly match?: string | Uint8Array | undefined } = {}): void {
    this.#lostReplies.push({ match: Buffer.from(options.match ?? '') });
  }

  /** From now on a connect is refused by the operating system. Open connections stay. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    // The callback of close() would wait for the open connections; the port is free without it.
    server.close();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Accepts connections again, on the same port. Rejects with EADDRINUSE if someone else has taken it since. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true }, (client) => this.#connect(client));
    this.#server = server;
    try {
      server.listen(this.#port, loopback);
      await once(server, 'listening');
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Refuses new connections and resets the open ones. Idempotent. */
  async close(): Promise<void> {
    await this.refuse();
    this.reset();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connect(client: Socket): void {
    this.#counters.accepted++;
    const connection = new ProxyConnection(client, {
      // An IPv6 address stands in brackets in a URL, and nowhere else.
      target: { host: this.#target.hostname.replace(/^\[|\]$/g, ''), port: Number(this.#target.port) },
      requestFaults: this.#requestFaults,
      replyFaults: this.#replyFaults,
      lostReplies: this.#lostReplies,
      clock: this.#clock,
      onReplyLost: () => this.#counters.lostReplies++,
      onReset: () => this.#counters.reset++,
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }

  #setFaults(direction: ProxyDirection, faults: Partial<LaneFaults>): void {
    if (direction !== 'replies') Object.assign(this.#requestFaults, faults);
    if (direction !== 'requests') Object.assign(this.#replyFaults, faults);
    for (const connection of this.#connections) connection.faultsChanged();
  }
}

function targetUrl(target: ProxyTarget): URL {
  const text =
    typeof target === 'string' || target instanceof URL
      ? String(target)
      : addressUrl(target.host, target.port);
  // The value is not repeated in the error: a URL may hold a password.
  if (!URL.canParse(text))
    throw new ConfigurationError('target', 'must be a URL or an address', typeof target);
  const url = new URL(text);
  if (url.hostname === '') throw new ConfigurationError('target', 'must name a host', url.protocol);
  if (url.port === '') url.port = '6379';
  return url;
}

function addressUrl(host: string, port: number): string {
  return `redis://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
