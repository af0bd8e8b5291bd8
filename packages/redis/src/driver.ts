import type { AdminClient, PooledClient, RedisClient, ScriptArgument } from './client.ts';
import type { Topology } from './target.ts';

/** What the server said about itself when the connection came up. */
export interface ServerFacts {
  readonly kind: 'redis' | 'valkey' | 'memory';
  /** `7.0.15`; the lowest of a Cluster's masters; `0.0.0` when INFO is not allowed. */
  readonly version: string;
  /** The replication id of each master: a new one after a promotion or a restart. Empty when INFO is not allowed. */
  readonly histories: readonly string[];
}

export interface DriverEvents {
  /** The link can carry commands. */
  ready(): void;
  /** The link broke; it is being re-established unless the driver was closed. */
  lost(): void;
  /** Something the link reports while it is down: refused, wrong password, loading. */
  failed(error: unknown): void;
  /** The link stays up, but other servers may answer than before. Cluster only. */
  changed(): void;
}

/** A script call as it is sent. */
export interface WireCall {
  readonly command: 'evalsha' | 'eval';
  /** The SHA-1 of the script, or its text. */
  readonly script: string;
  readonly keyCount: number;
  /** The keys, then the arguments. */
  readonly args: readonly ScriptArgument[];
  /** The keys as they travel, where that is known. */
  readonly encodedKeys: string | undefined;
}

/** What scripts are sent through, one at a time. */
export interface ScriptLink {
  /** A link that keeps calls back for a while must not send one past its deadline (monotonic), or once it is aborted. */
  send(call: WireCall, deadline: number, signal: AbortSignal | undefined): Promise<unknown>;
}

type ScriptClient = Pick<RedisClient, 'evalsha' | 'eval'>;

/** Sends a script over a client, at once. */
export function sendScript(
  client: ScriptClient,
  { command, script, keyCount, args }: WireCall,
): Promise<unknown> {
  return command === 'evalsha'
    ? client.evalsha(script, keyCount, ...args)
    : client.eval(script, keyCount, ...args);
}

/** The link of a client that always leads to the right server. */
export function directLink(client: ScriptClient): ScriptLink {
  return { send: (call) => sendScript(client, call) };
}

/** A link that carries commands: ioredis on one Redis, Sentinel or Cluster, or the in-process mock. */
export interface Driver {
  readonly topology: Topology;
  readonly client: RedisClient;
  /** Where the link goes, without credentials, for messages. */
  readonly address: string;
  readonly scripts: ScriptLink;
  /**
   * The connection that calls on this key go over: those with the same one may share a pipeline. `undefined` when there
   * is none at the moment, and on memory.
   */
  lane(key: ScriptArgument | undefined): AdminClient | undefined;
  /** A connection to each master, for questions about the server. Empty on memory. */
  masters(): readonly AdminClient[];
  isReady(): boolean;
  /** Starts connecting if that has not happened. Does not wait; {@link DriverEvents} tell. */
  open(events: DriverEvents): void;
  facts(): Promise<ServerFacts>;
  /** The server's clock in milliseconds. */
  serverTime(): Promise<number>;
  /** Set on memory only: the time a script is given, in microseconds, where Redis would read TIME. */
  readonly injectedTime?: (() => string) | undefined;
  createSubscriber(): SubscriberLink;
  /** A further connection to where a lane leads, not connected yet; on Cluster it ends with its node. */
  createLane(lane: AdminClient): AdminClient;
  /** A further connection to the same place, for one caller at a time. */
  createClient(settings: ClientSettings): ClientLink;
  close(): void;
}

/** A connection of its own, which does not come back once it is lost. */
export interface ClientLink {
  readonly client: PooledClient;
  /** Connects. Rejects with the reason when that fails; calls `onLost` once when it ends after that. */
  open(onLost: () => void): Promise<void>;
  isReady(): boolean;
  /** Rids it of what a borrower left behind. False when it cannot be used any more. */
  clean(): Promise<boolean>;
  close(): void;
}

/** In what a further connection differs from the shared one. */
export interface ClientSettings {
  /** After this long without a byte while a reply is due, the socket is torn down. */
  readonly socketTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

export interface SubscriberEvents extends Omit<DriverEvents, 'changed'> {
  message(channel: string, payload: string): void;
}

/** The second connection, which only listens. Resubscribing after a loss is the hub's work, so that it can tell of the gap. */
export interface SubscriberLink {
  open(events: SubscriberEvents): void;
  isReady(): boolean;
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
  /** Resolves when the link answers; a link that does not is torn down by its own time-out. */
  ping(): Promise<void>;
  close(): void;
}
