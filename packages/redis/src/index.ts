export { closeOnSignals } from './close-on-signals.ts';
export { connect, createRedis } from './connect.ts';
export { createPool, createPools } from './create-pool.ts';
export { Doorbell, ringLua } from './doorbell.ts';
export { Pool } from './pool.ts';
export { Redis } from './redis.ts';
export { keyList, type KeyList } from './key-list.ts';
export { defineScript, scriptCall } from './script.ts';

export type { Capabilities } from './capabilities.ts';
export type {
  ClientPipeline,
  ClientTransaction,
  PooledClient,
  RedisClient,
  ScriptArgument,
} from './client.ts';
export type { CloseOnSignalsOptions } from './close-on-signals.ts';
export type { Pools, PoolsOptions } from './create-pool.ts';
export type { Guarantee, Survival } from './guarantee.ts';
export type { Durable } from './guarded-link.ts';
export type { HealthWarning, WarningCode } from './health-warnings.ts';
export type { Keyspace } from './keyspace.ts';
export type { Quantiles } from './latency-window.ts';
export type { RedisOptions } from './options.ts';
export type { AcquireOptions, PooledConnection, PoolStats } from './pool.ts';
export type { PoolLimits, PoolOptions, PoolSource } from './pool-options.ts';
export type { RedisCloseReport, RedisEvent } from './redis.ts';
export type { Script, ScriptCall, ScriptDefinition, ScriptRest } from './script.ts';
export type { RunOptions } from './script-runner.ts';
export type { RedisHealth } from './server-insight.ts';
export type { PersistenceState, ReplicaState, ServerState } from './server-probe.ts';
export type { ClosablePart, ClosePhase } from './shutdown.ts';
export type { MessageHandler, Subscription } from './subscriber-hub.ts';
export type { HostPort, RedisTarget, Topology } from './target.ts';
