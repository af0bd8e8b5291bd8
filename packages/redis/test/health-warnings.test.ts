import { describe, expect, it } from 'vitest';
import { guaranteeOf } from '../src/guarantee.ts';
import { warningsOf } from '../src/health-warnings.ts';
import type { ServerState } from '../src/server-probe.ts';
import type { Topology } from '../src/target.ts';
import { serverState } from './server-state.ts';

interface Situation {
  readonly topology?: Topology;
  readonly confirmedBy?: number;
  readonly clockStep?: { noticedAt: number; backMs: number };
}

const now = 10_000_000;

function warned(overrides: Partial<ServerState>, situation: Situation = {}) {
  const { topology = 'single', confirmedBy = 0, clockStep } = situation;
  const servers = [serverState(overrides)];
  const guarantee = guaranteeOf({ topology, servers, confirmedBy });
  return warningsOf({ topology, servers, guarantee, clockStep, now });
}

const lagging = (replica: object) => ({
  replicas: [{ address: 'r:1', state: 'online', lagSeconds: 0, lagBytes: 0, ...replica }],
});

describe('health warnings', () => {
  it('are none where all is well', () => {
    expect(warned({}, { topology: 'sentinel', confirmedBy: 1 })).toEqual([]);
  });

  it.each<[code: string, remedy: string, overrides: Partial<ServerState>, situation?: Situation]>([
    ['EVICTION_POLICY', 'maxmemory-policy noeviction', { evictionPolicy: 'allkeys-lru' }],
    ['MEMORY_NEAR_LIMIT', 'raise maxmemory', { usedMemoryBytes: 95, maxMemoryBytes: 100 }],
    ['NO_AOF', 'appendonly yes', { persistence: { aof: 'off', snapshots: true, healthy: true } }],
    ['PERSISTENCE_FAILING', 'disk', { persistence: { aof: 'always', snapshots: false, healthy: false } }],
    ['OLD_VERSION', 'upgrade to Redis 6.2', { version: '6.0.16' }],
    ['NOT_A_MASTER', 'connect to the master', { role: 'replica' }],
    ['SERVER_SILENT', 'check that Redis runs', { error: new Error('Command timed out') }],
    ['REPLICA_LAG', 'repl-backlog-size', lagging({ lagSeconds: 10 })],
    ['REPLICA_LAG', 'repl-backlog-size', lagging({ lagBytes: 16_777_216 })],
    ['REPLICAS_MISSING', 'start a replica', { replicas: [] }, { topology: 'sentinel' }],
    ['REPLICAS_MISSING', 'lower durability.replicas', {}, { topology: 'sentinel', confirmedBy: 2 }],
    ['MIN_REPLICAS', 'min-replicas-to-write 1', { minReplicasToWrite: 0 }, { confirmedBy: 1 }],
    ['PROBE_REFUSED', '+info +config|get', { refused: ['info', 'config|get'] }],
    ['CLOCK_STEPPED', 'slew', {}, { clockStep: { noticedAt: now - 3_599_999, backMs: 5_000 } }],
  ])('say %s with the remedy "%s"', (code, remedy, overrides, situation) => {
    const found = warned(overrides, situation);
    expect(found.map((warning) => warning.code)).toEqual([code]);
    expect(found[0]!.remedy).toContain(remedy);
    expect(found[0]!.message).not.toBe('');
  });

  it.each<[what: string, overrides: Partial<ServerState>, situation?: Situation]>([
    ['memory below nine tenths of the limit', { usedMemoryBytes: 89, maxMemoryBytes: 100 }],
    ['an unlimited memory', { usedMemoryBytes: 1e12, maxMemoryBytes: 0 }],
    [
      'what the server may not tell',
      { evictionPolicy: undefined, version: undefined, minReplicasToWrite: undefined },
    ],
    ['a single Redis without replicas', { replicas: [] }],
    ['min-replicas-to-write where nothing is confirmed', { minReplicasToWrite: 0 }],
    ['a step of the clock an hour ago', {}, { clockStep: { noticedAt: now - 3_600_000, backMs: 5_000 } }],
    ['replicas that a refused INFO does not name', { replicas: [], refused: [] }],
  ])('do not mention %s', (_, overrides, situation) => {
    expect(warned(overrides, situation)).toEqual([]);
  });

  it('tell of a replica that is not online, and do not count it', () => {
    const codes = warned(lagging({ state: 'send_bulk' }), { topology: 'cluster' }).map(({ code }) => code);
    expect(codes).toEqual(['REPLICA_LAG', 'REPLICAS_MISSING']);
  });
});
