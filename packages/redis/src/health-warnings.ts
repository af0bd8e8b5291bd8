import type { Guarantee } from './guarantee.ts';
import { compareVersions } from './server-info.ts';
import type { ClockStep } from './server-clock.ts';
import type { ServerState } from './server-probe.ts';
import type { Topology } from './target.ts';

/** What is wrong, or weaker than it could be, with a deployment. */
export type WarningCode =
  | 'SERVER_SILENT'
  | 'NOT_A_MASTER'
  | 'EVICTION_POLICY'
  | 'NO_AOF'
  | 'PERSISTENCE_FAILING'
  | 'OLD_VERSION'
  | 'CLOCK_STEPPED'
  | 'REPLICA_LAG'
  | 'REPLICAS_MISSING'
  | 'MIN_REPLICAS'
  | 'MEMORY_NEAR_LIMIT'
  | 'PROBE_REFUSED';

export interface HealthWarning {
  readonly code: WarningCode;
  /** What was found, with the address of the server. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly value: unknown;
}

/** From where on a measurement is worth a warning. */
export const healthThresholds = {
  oldestVersion: '6.2.0',
  replicaLagSeconds: 10,
  replicaLagBytes: 16 * 1_024 * 1_024,
  memoryShare: 0.9,
  clockStepMs: 1_000,
  /** How long a step of the server's clock is told. */
  clockStepToldMs: 3_600_000,
} as const;

export interface WarningInput {
  readonly topology: Topology;
  readonly servers: readonly ServerState[];
  readonly guarantee: Guarantee;
  readonly clockStep: ClockStep | undefined;
  readonly now: number;
}

/** Everything a deployment should be warned of. A pure function of what was measured. */
export function warningsOf(input: WarningInput): HealthWarning[] {
  const { servers, clockStep, now } = input;
  const found = servers.flatMap((server) =>
    server.error === undefined ? serverWarnings(server) : [silent(server)],
  );
  if (clockStep !== undefined && now - clockStep.noticedAt < healthThresholds.clockStepToldMs) {
    found.push({
      code: 'CLOCK_STEPPED',
      message: `the server's clock went back by ${clockStep.backMs} ms`,
      remedy:
        'let NTP slew instead of step (chrony makestep only at boot); leases of that time lasted longer',
      value: clockStep.backMs,
    });
  }
  return [...found, ...replicationWarnings(input)];
}

function silent({ address, error }: ServerState): HealthWarning {
  return {
    code: 'SERVER_SILENT',
    message: `${address} does not answer: ${error instanceof Error ? error.message : String(error)}`,
    remedy: `check that Redis runs at ${address}, and the network between`,
    value: address,
  };
}

function serverWarnings(server: ServerState): HealthWarning[] {
  return [
    ...roleWarnings(server),
    ...memoryWarnings(server),
    ...persistenceWarnings(server),
    ...lagWarnings(server),
    ...refusedWarnings(server),
  ];
}

function roleWarnings({ address, role, version }: ServerState): HealthWarning[] {
  const found: HealthWarning[] = [];
  if (role === 'replica') {
    found.push({
      code: 'NOT_A_MASTER',
      message: `${address} is a replica: it refuses writes`,
      remedy: 'connect to the master; redis+sentinel:// or redis+cluster:// finds it',
      value: role,
    });
  }
  if (version !== undefined && compareVersions(version, healthThresholds.oldestVersion) < 0) {
    found.push({
      code: 'OLD_VERSION',
      message: `${address} runs ${version}`,
      remedy: 'upgrade to Redis 6.2 or later; 7 also lets a full server be drained',
      value: version,
    });
  }
  return found;
}

function memoryWarnings(server: ServerState): HealthWarning[] {
  const { address, evictionPolicy, usedMemoryBytes: used, maxMemoryBytes: max } = server;
  const found: HealthWarning[] = [];
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction') {
    found.push({
      code: 'EVICTION_POLICY',
      message: `${address} evicts keys when it is full (${evictionPolicy}): locks, tasks and state vanish silently`,
      remedy: 'CONFIG SET maxmemory-policy noeviction, and keep caches on another Redis',
      value: evictionPolicy,
    });
  }
  if (used !== undefined && max !== undefined && max > 0 && used / max >= healthThresholds.memoryShare) {
    found.push({
      code: 'MEMORY_NEAR_LIMIT',
      message: `${address} uses ${Math.round((used / max) * 100)} % of maxmemory`,
      remedy:
        'raise maxmemory or remove data; at the limit writes are refused, and only what frees memory runs',
      value: used / max,
    });
  }
  return found;
}

function persistenceWarnings({ address, persistence }: ServerState): HealthWarning[] {
  if (persistence.healthy === false) {
    return [
      {
        code: 'PERSISTENCE_FAILING',
        message: `${address} could not write its append-only file or snapshot`,
        remedy: 'look at its log and its disk; until then it may refuse writes (MISCONF)',
        value: false,
      },
    ];
  }
  if (persistence.aof !== 'off') return [];
  const kept = persistence.snapshots ? 'its last snapshot' : 'nothing';
  return [
    {
      code: 'NO_AOF',
      message: `${address} has no append-only file: after a crash ${kept} is left`,
      remedy: 'CONFIG SET appendonly yes, with appendfsync everysec or always',
      value: persistence.aof,
    },
  ];
}

function lagWarnings({ replicas }: ServerState): HealthWarning[] {
  const { replicaLagSeconds, replicaLagBytes } = healthThresholds;
  return replicas
    .filter(
      ({ state, lagSeconds = 0, lagBytes = 0 }) =>
        state !== 'online' || lagSeconds >= replicaLagSeconds || lagBytes >= replicaLagBytes,
    )
    .map(({ address, state, lagSeconds, lagBytes }) => ({
      code: 'REPLICA_LAG',
      message: `replica ${address} (${state}) is ${lagSeconds ?? '?'} s and ${lagBytes ?? '?'} bytes behind`,
      remedy: 'look at its load, its network and repl-backlog-size; promoted now it would lack those writes',
      value: lagSeconds,
    }));
}

function refusedWarnings({ address, refused }: ServerState): HealthWarning[] {
  if (refused.length === 0) return [];
  return [
    {
      code: 'PROBE_REFUSED',
      message: `${address} does not allow ${refused.join(', ')}: part of this report is unknown`,
      remedy: `allow it to see more: ${refused.map((command) => `+${command}`).join(' ')}`,
      value: refused,
    },
  ];
}

function replicationWarnings({ topology, guarantee, servers }: WarningInput): HealthWarning[] {
  const { replicas, confirmedBy, minReplicasToWrite } = guarantee.basis;
  const asked = servers.some(({ error, refused }) => error === undefined && !refused.includes('info'));
  if (!asked) return [];
  const found: HealthWarning[] = [];
  const needed = Math.max(confirmedBy, topology === 'sentinel' || topology === 'cluster' ? 1 : 0);
  if (replicas < needed) {
    found.push({
      code: 'REPLICAS_MISSING',
      message: `${replicas} replicas are online where ${needed} are needed`,
      remedy:
        confirmedBy > replicas
          ? 'start replicas, or lower durability.replicas'
          : 'start a replica for every master',
      value: replicas,
    });
  }
  if (confirmedBy > 0 && minReplicasToWrite !== undefined && minReplicasToWrite < 1) {
    found.push({
      code: 'MIN_REPLICAS',
      message: 'min-replicas-to-write is 0: a master cut off from its replicas goes on acknowledging',
      remedy: 'CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 1 on every server',
      value: minReplicasToWrite,
    });
  }
  return found;
}
