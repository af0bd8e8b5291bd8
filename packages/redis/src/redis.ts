import {
  abortable,
  ClosedError,
  isLockstepError,
  type Clock,
  type CloseOptions,
  type CloseReport,
  type Codec,
  type ErrorHandler,
  type Logger,
  type Random,
} from '@lockstep/core';
import type { Capabilities } from './capabilities.ts';
import type { RedisClient, ScriptArgument } from './client.ts';
import { Doorbell } from './doorbell.ts';
import { rememberInternals } from './driver-access.ts';
import type { Driver, ScriptLink } from './driver.ts';
import { translateError, unavailable } from './error-translation.ts';
import type { Guarantee } from './guarantee.ts';
import { durableCall, GuardedLink, type Durable } from './guarded-link.ts';
import { createKeyspace, type Keyspace } from './keyspace.ts';
import { LatencyWindow } from './latency-window.ts';
import type { ResolvedRedisOptions } from './options.ts';
import { Readiness } from './readiness.ts';
import type { KeyList } from './key-list.ts';
import { scriptCall, type Script, type ScriptCall, type ScriptRest } from './script.ts';
import { ScriptRunner, type RunOptions } from './script-runner.ts';
import { ServerClock } from './server-clock.ts';
import { ServerIdentity } from './server-identity.ts';
import { ServerInsight, type RedisHealth } from './server-insight.ts';
import { Shutdown, type ClosablePart } from './shutdown.ts';
import { SubscriberHub, type MessageHandler, type Subscription } from './subscriber-hub.ts';
import type { Topology } from './target.ts';

/**
 * `up` and `down`: the command connection. `gap`: the subscriber came back, messages may be missing. `failover`: another
 * server answers than before (promoted, or restarted), so what was acknowledged last may be gone.
 */
export type RedisEvent = 'up' | 'down' | 'gap' | 'failover';

export interface RedisCloseReport {
  readonly parts: readonly CloseReport[];
}

/**
 * A connection, and the defaults of everything created on it. Two sockets on one Redis or Sentinel: one for commands,
 * one that listens, made with the first subscription.
 */
export class Redis implements AsyncDisposable {
  /** The shared ioredis client, for non-blocking commands. Its calls are neither prefixed nor retried. */
  readonly client: RedisClient;
  /** Identifies this connection among all processes. */
  readonly id: string;
  readonly prefix: string;
  readonly topology: Topology;
  readonly commandTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly onError: ErrorHandler;
  readonly doorbell: Doorbell;

  readonly #driver: Driver;
  readonly #readiness: Readiness;
  readonly #identity: ServerIdentity;
  readonly #serverClock: ServerClock;
  readonly #runner: ScriptRunner;
  readonly #guarded: GuardedLink | undefined;
  readonly #guardedRunner: ScriptRunner | undefined;
  readonly #insight: ServerInsight;
  readonly #hub: SubscriberHub;
  readonly #shutdown: Shutdown;
  readonly #listeners: Record<RedisEvent, Set<() => void>> = {
    up: new Set(),
    down: new Set(),
    gap: new Set(),
    failover: new Set(),
  };
  #up = false;
  #opened = false;
  #closed = false;
  #lastFailure: unknown;
  readonly #reported = new Set<string>();
  #closing: Promise<RedisCloseReport> | undefined;

  /** Use `createRedis` or `connect`. */
  constructor(driver: Driver, options: ResolvedRedisOptions) {
    const { clock, random } = options;
    rememberInternals(this, { driver, options });
    this.#driver = driver;
    this.client = driver.client;
    this.topology = driver.topology;
    this.id = random.id();
    this.prefix = options.prefix;
    this.commandTimeoutMs = options.commandTimeoutMs;
    this.maxPayloadBytes = options.maxPayloadBytes;
    this.clock = clock;
    this.random = random;
    this.codec = options.codec;
    this.logger = options.logger;
    this.onError = options.onError;
    this.#readiness = new Readiness(clock, options.maxWaitingCalls);
    this.#identity = new ServerIdentity(driver.topology, () => driver.facts());
    this.#serverClock = new ServerClock(clock, () => driver.serverTime());
    this.#shutdown = new Shutdown(options.onError);
    this.#hub = new SubscriberHub({
      createLink: () => {
        this.#open();
        return driver.createSubscriber();
      },
      clock,
      heartbeatMs: options.heartbeatMs,
      onGap: () => this.#emit('gap'),
      onLinkError: (error, operation) => this.#reportLink(error, `subscriber ${operation}`),
      onHandlerError: (error, channel) =>
        this.onError(error, { source: 'redis', operation: `handler of ${channel}` }),
    });
    this.doorbell = new Doorbell(`${options.prefix}process:${this.id}`, (channel, handler) =>
      this.subscribe(channel, handler),
    );
    const { durability } = options;
    const latency = new LatencyWindow();
    this.#runner = this.#runnerOver(driver.scripts, latency);
    if (durability !== undefined && driver.topology !== 'memory') {
      this.#guarded = new GuardedLink({ driver, clock, confirmation: durability });
      this.#guardedRunner = this.#runnerOver(this.#guarded, undefined);
    }
    this.#insight = new ServerInsight({
      driver,
      clock,
      latency,
      serverClock: this.#serverClock,
      capabilities: () => this.capabilities,
      confirmedBy: durability?.replicas ?? 0,
    });
  }

  /** What the servers can do; the least that is assumed before the connection is up. */
  get capabilities(): Capabilities {
    return this.#identity.capabilities;
  }

  /**
   * Which promise this deployment buys, as data. Read again at every `up` and `failover`, 1, 5 and 20 s after
   * it, because replicas attach to a new master one by one, and by `health()`.
   */
  get guarantee(): Guarantee {
    return this.#insight.guarantee;
  }

  /** The keys and channels of one structure of this connection's prefix. Throws `ConfigurationError` for a bad name. */
  keyspace(kind: string, name: string, partition?: number): Keyspace {
    return createKeyspace(this.prefix, kind, name, partition);
  }

  /**
   * Runs a script with named keys and arguments; one round trip when Redis is up. Waits for the connection and repeats
   * what may be repeated until `timeoutMs` has passed, then rejects with `RedisUnavailableError`.
   */
  run<Key extends string, Arg extends string, Reply>(
    script: Script<Key, Arg, Reply>,
    keys: Readonly<Record<Key, string>> | KeyList,
    args: Readonly<Record<Arg, ScriptArgument>>,
    options?: RunOptions & ScriptRest,
  ): Promise<Reply> {
    return abortable(this.#runner.run(scriptCall(script, keys, args, options), options), options?.signal);
  }

  /**
   * Runs many calls, each made by `scriptCall`, in one write where the topology allows it. Calls settle independently,
   * and a call that has to be repeated may take effect after later ones.
   */
  runAll(calls: readonly ScriptCall[], options?: RunOptions): Promise<PromiseSettledResult<unknown>[]> {
    return this.#runner.runAll(calls, options);
  }

  /**
   * As `run`, and has the write confirmed by replicas as the option `durability` says. Fewer confirmations are no error:
   * the caller decides. Without that option, and on memory, it is `run`.
   */
  async runDurably<Key extends string, Arg extends string, Reply>(
    script: Script<Key, Arg, Reply>,
    keys: Readonly<Record<Key, string>>,
    args: Readonly<Record<Arg, ScriptArgument>>,
    options?: RunOptions & ScriptRest,
  ): Promise<Durable<Reply>> {
    const runner = this.#guardedRunner;
    if (runner === undefined)
      return { reply: await this.run(script, keys, args, options), replicated: undefined };
    const call = durableCall(scriptCall(script, keys, args, options));
    return abortable(runner.run(call, options), options?.signal);
  }

  /**
   * Calls `handler` for each message on a channel, by its full name (see `Keyspace.channel`). Messages published while
   * the subscriber is away are lost; `gap` tells of it.
   */
  subscribe(channel: string, handler: MessageHandler): Subscription {
    this.#assertOpen();
    return this.#hub.subscribe(channel, handler);
  }

  /** The server's clock, in milliseconds since the epoch. One round trip. */
  async time(): Promise<number> {
    await this.#whenUp('TIME', this.commandTimeoutMs, undefined);
    return this.#serverClock.sample().catch((error: unknown) => this.#fail('TIME', error));
  }

  /** An estimate of the server's clock without a round trip; for deadlines the server judges. */
  serverNow(): number {
    return this.#serverClock.now();
  }

  /**
   * Connects if that has not happened and resolves when commands can be run. Rejects with `RedisUnavailableError` after
   * `timeoutMs`, at once with `RedisAccessError` when the credentials are refused.
   */
  ready(
    options: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    return this.#whenUp('connect', options.timeoutMs ?? 10_000, options.signal);
  }

  /** Calls `listener` on each event. Returns the remover. */
  on(event: RedisEvent, listener: () => void): () => void {
    this.#listeners[event].add(listener);
    return () => void this.#listeners[event].delete(listener);
  }

  /** Makes `close()` end this part before the connection. Returns the remover, for a part that ends earlier. */
  register(part: ClosablePart): () => void {
    this.#assertOpen();
    return this.#shutdown.add(part);
  }

  /**
   * Whether commands and messages flow, and what the servers say of themselves, with a remedy for whatever is wrong.
   * Three questions to each master; never rejects.
   */
  health(): Promise<RedisHealth> {
    const hub = this.#hub;
    return this.#insight.health({ commands: this.#up, subscriber: hub.isReady(), channels: hub.size });
  }

  /** Ends everything created on this connection, in order, then the sockets it owns. Idempotent. */
  close(options: CloseOptions = {}): Promise<RedisCloseReport> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: CloseOptions): Promise<RedisCloseReport> {
    const parts = await this.#shutdown.close({
      drainMs: options.drainMs ?? 10_000,
      abortMs: options.abortMs ?? 2_000,
    });
    this.#closed = true;
    this.#hub.close();
    this.#insight.rest();
    this.#guarded?.close();
    this.#driver.close();
    this.#up = false;
    this.#readiness.fail(new ClosedError('redis'));
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
    return { parts };
  }

  #runnerOver(link: ScriptLink, latency: LatencyWindow | undefined): ScriptRunner {
    const driver = this.#driver;
    return new ScriptRunner({
      driver,
      link,
      clock: this.clock,
      random: this.random,
      timeoutMs: this.commandTimeoutMs,
      isUp: () => this.#up && driver.isReady(),
      whenUp: (what, timeoutMs, signal) => this.#whenUp(what, timeoutMs, signal),
      serverNow: () => this.#serverClock.now(),
      sampleServerTime: () => this.#serverClock.sample(),
      allowOom: () => this.capabilities.allowOom,
      latency,
    });
  }

  #assertOpen(): void {
    if (this.#closing) throw new ClosedError('redis');
  }

  #open(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#driver.open({
      ready: () => void this.#handshake(),
      lost: () => this.#goDown(),
      failed: (error) => this.#linkFailed(error),
      changed: () => {
        if (this.#up) void this.#identity.refresh(() => this.#failedOver());
      },
    });
  }

  /** Learns who answers before any call is let through: which scripts it takes, and what time it is there. */
  async #handshake(): Promise<void> {
    let failover: boolean;
    try {
      [failover] = await Promise.all([this.#identity.learn(), this.#serverClock.sample()]);
      if (this.#closed) return;
    } catch (error) {
      this.#linkFailed(error);
      return;
    }
    this.#up = true;
    this.#lastFailure = undefined;
    this.#reported.clear();
    this.#readiness.up();
    this.#emit('up');
    if (failover) this.#emit('failover');
    this.#insight.follow();
  }

  #failedOver(): void {
    this.#emit('failover');
    this.#insight.follow();
  }

  #goDown(): void {
    if (!this.#up) return;
    this.#up = false;
    this.#insight.rest();
    this.#emit('down');
  }

  #linkFailed(error: unknown): void {
    if (this.#closing) return;
    this.#lastFailure = error;
    const failure = translateError(error, { what: 'connect', address: this.#driver.address });
    // Waiting cures an absent server, not a wrong password.
    if (isLockstepError(failure, 'REDIS_ACCESS')) this.#readiness.fail(failure);
    this.#reportLink(error, 'connect');
  }

  /** Reconnecting repeats the same failure many times a second: each is told once, until the connection is up again. */
  #reportLink(error: unknown, operation: string): void {
    const failure = translateError(error, { what: operation, address: this.#driver.address });
    if (this.#reported.has(failure.message)) return;
    this.#reported.add(failure.message);
    this.logger.warn({ err: failure, source: 'redis', operation }, failure.message);
  }

  async #whenUp(what: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    // Parts still run scripts while they close; once the sockets are gone nothing does.
    if (this.#closed) throw new ClosedError('redis');
    this.#open();
    if (this.#up && this.#driver.isReady() && !signal?.aborted) return;
    const giveUp = () =>
      unavailable({ what, address: this.#driver.address }, 'connection', false, this.#lastFailure);
    if (this.#readiness.full) throw giveUp();
    await this.#readiness.wait(timeoutMs, giveUp, signal);
  }

  #fail(what: string, error: unknown): never {
    throw translateError(error, { what, address: this.#driver.address });
  }

  #emit(event: RedisEvent): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        listener();
      } catch (error) {
        this.onError(error, { source: 'redis', operation: `listener of ${event}` });
      }
    }
  }
}
