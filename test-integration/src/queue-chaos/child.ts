import { systemClock, type Clock, type Logger } from '@lockstep/core';
import { createRedis } from '@lockstep/redis';
import { recordHistory, type HistoryRecorder } from '@lockstep/testing';
import type { Role } from './child-context.ts';
import type { ChildSpec, RoleName } from './child-spec.ts';
import { machineNow } from './machine-clock.ts';

/** The entry of every child process. */
const roles: Readonly<Record<RoleName, () => Promise<Role>>> = {
  storm: async () => (await import('./roles/storm.ts')).stormWorker,
  hasty: async () => (await import('./roles/hasty.ts')).hastyWorker,
  paused: async () => (await import('./roles/paused.ts')).pausedWorker,
  skewed: async () => (await import('./roles/skewed.ts')).skewedWorker,
  poison: async () => (await import('./roles/poison.ts')).poisonWorker,
  service: async () => (await import('./roles/service.ts')).service,
  sleeping: async () => (await import('./roles/sleeping.ts')).sleepingWorker,
};

const spec = JSON.parse(process.argv[2] ?? '') as ChildSpec;
const role = await roles[spec.role]();
const history = recordHistory({ process: spec.name, file: spec.historyFile, now: machineNow });
const redis = createRedis(spec.url, { logger: refusalsTo(history), clock: skewed(spec.skewMs ?? 0) });
// Started while Redis is down: it waits, as a service would.
await redis.ready({ timeoutMs: 60_000 });
await role({ spec, redis, history });
process.send!('ready');

/** The clock of a machine whose wall clock is off. */
function skewed(skewMs: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + skewMs };
}

/** A worker tells its logger of a refused outcome; the oracles want it in the history. Outages are no news here. */
function refusalsTo(recorder: HistoryRecorder): Logger {
  const note = (fields: object): void => {
    const { id, fencingToken } = fields as { id?: string; fencingToken?: number };
    if (id !== undefined && fencingToken !== undefined)
      recorder.invoke('refused', { key: id, token: fencingToken }).ok();
  };
  return { debug() {}, info() {}, warn: note, error: note };
}
