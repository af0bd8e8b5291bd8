import type { PersistenceState, ServerState } from './server-probe.ts';
import type { Topology } from './target.ts';

/**
 * Whether an acknowledged write outlives an event. `yes`; `bounded`: all but the last moments (see `window`); `no`: any
 * amount may be lost; `unknown`: the server does not let itself be asked.
 */
export type Survival = 'yes' | 'bounded' | 'no' | 'unknown';

/** The promise that this deployment buys, as far as its servers tell. `docs/guarantees.md` says what each line means. */
export interface Guarantee {
  /** Acknowledged writes when a process that uses Redis dies. */
  readonly clientCrash: Survival;
  /** ... when the Redis process dies and starts again on the same disk. */
  readonly redisCrash: Survival;
  /** ... when the machine loses power. */
  readonly powerLoss: Survival;
  /** ... when a replica is promoted; `not-applicable` where nothing promotes one. */
  readonly failover: Survival | 'not-applicable';
  /** Until when two valid holders of one lock cannot overlap in server time. Fencing tokens tell them apart in any case. */
  readonly exclusive: 'yes' | 'until-power-loss' | 'until-restart' | 'until-failover' | 'unknown';
  /** What bounds each `bounded`, in words. */
  readonly window: readonly string[];
  /** What it was concluded from. */
  readonly basis: {
    readonly topology: Topology;
    /** The weakest of all masters. */
    readonly aof: PersistenceState['aof'];
    readonly snapshots: boolean | undefined;
    /** Replicas online, of the master that has fewest. */
    readonly replicas: number;
    readonly minReplicasToWrite: number | undefined;
    /** What `durability` asks for; 0 without. */
    readonly confirmedBy: number;
  };
}

interface GuaranteeInput {
  readonly topology: Topology;
  readonly servers: readonly ServerState[];
  /** `durability.replicas`, 0 without. */
  readonly confirmedBy: number;
}

const strengths = [undefined, 'off', 'on', 'no', 'everysec', 'always'] as const;

/** Concludes the guarantee from what the servers said. */
export function guaranteeOf(input: GuaranteeInput): Guarantee {
  const basis = basisOf(input);
  const window: string[] = [];
  const bounded = (because: string): Survival => {
    window.push(because);
    return 'bounded';
  };
  return {
    clientCrash: 'yes',
    redisCrash: afterCrash(basis),
    powerLoss: afterPowerLoss(basis, bounded),
    failover: afterFailover(basis, bounded),
    exclusive: exclusiveUntil(basis),
    window,
    basis,
  };
}

type Basis = Guarantee['basis'];
type Bound = (because: string) => Survival;

function basisOf({ topology, servers, confirmedBy }: GuaranteeInput): Basis {
  const known = servers.filter(({ error }) => error === undefined);
  const policies = known.map(({ persistence }) => strengths.indexOf(persistence.aof));
  const counts = known.map(({ replicas }) => replicas.filter(({ state }) => state === 'online').length);
  const minimums = known.map(({ minReplicasToWrite }) => minReplicasToWrite);
  const snapshots = known.map(({ persistence }) => persistence.snapshots);
  return {
    topology,
    aof: known.length === 0 ? undefined : strengths[Math.min(...policies)],
    snapshots: snapshots.includes(undefined) ? undefined : snapshots.every(Boolean) && known.length > 0,
    replicas: known.length === 0 ? 0 : Math.min(...counts),
    minReplicasToWrite:
      known.length === 0 || minimums.includes(undefined) ? undefined : Math.min(...(minimums as number[])),
    confirmedBy,
  };
}

function afterCrash({ topology, aof }: Basis): Survival {
  if (topology === 'memory' || aof === 'off') return 'no';
  // Once write() has returned, the kernel has the bytes, whatever the fsync policy.
  return aof === undefined ? 'unknown' : 'yes';
}

function afterPowerLoss({ topology, aof }: Basis, bounded: Bound): Survival {
  if (topology === 'memory' || aof === 'off') return 'no';
  if (aof === 'always') return 'yes';
  if (aof === 'everysec') return bounded('power loss: up to 2 s of writes (appendfsync everysec)');
  return aof === 'no' ? 'no' : 'unknown';
}

function afterFailover(basis: Basis, bounded: Bound): Guarantee['failover'] {
  const { topology, minReplicasToWrite, confirmedBy, replicas } = basis;
  if (!promotes(topology)) return 'not-applicable';
  if (confirmedBy > 0) {
    bounded('failover: writes that were not confirmed, as `replicated` tells of each');
    if (confirmedBy < replicas) {
      bounded('failover: the last confirmed writes, if another replica is promoted than those that had them');
    }
    if ((minReplicasToWrite ?? 0) === 0) {
      bounded('failover: what a master that was replaced confirms until it is demoted');
    }
    return 'bounded';
  }
  if ((minReplicasToWrite ?? 0) > 0) {
    return bounded('failover: writes of min-replicas-max-lag plus the election');
  }
  return 'no';
}

/** A lock is a write like any other: what forgets writes frees locks. */
function exclusiveUntil({ topology, aof }: Basis): Guarantee['exclusive'] {
  if (topology === 'memory') return 'yes';
  if (promotes(topology)) return 'until-failover';
  if (aof === undefined) return 'unknown';
  if (aof === 'always') return 'yes';
  return aof === 'off' ? 'until-restart' : 'until-power-loss';
}

function promotes(topology: Topology): boolean {
  return topology === 'sentinel' || topology === 'cluster';
}
