/** What a script, key or argument may be made of. */
export type ScriptArgument = string | number | Buffer;

type Listener = (...args: unknown[]) => void;
type MessageListener = (channel: string, payload: string) => void;

/** Told of a command's own reply, before the whole pipeline is answered. */
export type ReplyCallback = (error: Error | null | undefined) => void;

/** The commands of a pipeline that the toolkit uses. */
export interface ClientPipeline {
  evalsha(sha: string, keyCount: number, ...args: (ScriptArgument | ReplyCallback)[]): unknown;
  eval(source: string, keyCount: number, ...args: (ScriptArgument | ReplyCallback)[]): unknown;
  wait(replicas: number, timeoutMs: number): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/**
 * The part of ioredis the toolkit relies on. Structural on purpose: `Redis` and `Cluster` of ioredis 5 and 6 and
 * ioredis-mock all fit, although their classes are not assignable to one another.
 */
export interface RedisClient {
  evalsha(sha: string, keyCount: number, ...args: ScriptArgument[]): Promise<unknown>;
  eval(source: string, keyCount: number, ...args: ScriptArgument[]): Promise<unknown>;
  pipeline(): ClientPipeline;
  publish(channel: string, message: string): Promise<number>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  del(...keys: string[]): Promise<number>;
  exists(...keys: string[]): Promise<number>;
  keys(pattern: string): Promise<string[]>;
  time(): Promise<(string | number)[]>;
  info(...sections: string[]): Promise<string>;
  ping(): Promise<string>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  connect(): Promise<void>;
  disconnect(): void;
  on(event: 'message', listener: MessageListener): unknown;
  on(event: string, listener: Listener): unknown;
  off(event: 'message', listener: MessageListener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** A connection to one server, asked about the server itself; and the source of further connections to it. */
export interface AdminClient extends RedisClient {
  readonly status?: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** The socket, once there is one. */
  readonly stream?: { readonly remoteAddress?: string; readonly remotePort?: number };
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  duplicate(override: Readonly<Record<string, unknown>>): AdminClient;
}

/** Commands queued by MULTI, sent with EXEC. */
export interface ClientTransaction {
  get(key: string): ClientTransaction;
  set(key: string, value: string | number): ClientTransaction;
  del(...keys: string[]): ClientTransaction;
  incrby(key: string, by: number): ClientTransaction;
  /** `null` when a watched key changed. */
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** A connection that a caller has for itself: for MULTI and WATCH, and for commands that block. */
export interface PooledClient extends RedisClient {
  readonly status?: string;
  multi(): ClientTransaction;
  watch(...keys: string[]): Promise<unknown>;
  unwatch(): Promise<unknown>;
  blpop(...keysAndTimeout: (string | number)[]): Promise<[key: string, value: string] | null>;
  /** Any command by name. ioredis-mock has no `call`. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** What ioredis shows beyond the commands; absent on the mock. */
export interface ClientInternals {
  readonly status?: string;
  readonly isCluster?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
  duplicate?(...args: unknown[]): RedisClient;
}
