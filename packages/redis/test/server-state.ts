import type { ServerState } from '../src/server-probe.ts';

/** A master of which nothing is to be said. */
export function serverState(overrides: Partial<ServerState> = {}): ServerState {
  return {
    address: '127.0.0.1:7000',
    role: 'master',
    version: '7.4.1',
    replicas: [{ address: '127.0.0.1:7001', state: 'online', lagSeconds: 0, lagBytes: 0 }],
    usedMemoryBytes: 1_000,
    maxMemoryBytes: 0,
    evictionPolicy: 'noeviction',
    persistence: { aof: 'everysec', snapshots: true, healthy: true },
    minReplicasToWrite: 1,
    refused: [],
    error: undefined,
    ...overrides,
  };
}
