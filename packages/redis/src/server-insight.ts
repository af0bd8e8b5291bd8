import {
  healthReport,
  type Clock,
  type HealthCheck,
  type HealthReport,
  type HealthStatus,
  type Timer,
} from '@lockstep/core';
import type { Capabilities } from './capabilities.ts';
import type { Driver } from './driver.ts';
import { guaranteeOf, type Guarantee } from './guarantee.ts';
import { healthThresholds, warningsOf, type HealthWarning, type WarningCode } from './health-warnings.ts';
import type { LatencyWindow, Quantiles } from './latency-window.ts';
import type { ServerClock } from './server-clock.ts';
import { probeServers, type ServerState } from './server-probe.ts';
import type { Topology } from './target.ts';

/** The health of a connection and of the servers behind it. */
export interface RedisHealth extends HealthReport {
  readonly details: {
    readonly topology: Topology;
    readonly kind: Capabilities['kind'];
    readonly version: string;
    /** Of the latest script calls, in milliseconds; without any, of this question. */
    readonly latencyMs: Quantiles;
    /** One per master, with its replicas, memory and persistence. Empty on memory and while Redis is down. */
    readonly servers: readonly ServerState[];
    readonly guarantee: Guarantee;
    readonly warnings: readonly HealthWarning[];
  };
}

/** What the connection itself knows of its two links. */
export interface LinkState {
  readonly commands: boolean;
  readonly subscriber: boolean;
  readonly channels: number;
}

interface InsightParts {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly latency: LatencyWindow;
  readonly capabilities: () => Capabilities;
  /** `durability.replicas`, 0 without. */
  readonly confirmedBy: number;
}

/** Which check each warning belongs to, and how bad it is. */
const checkOf: Readonly<Record<WarningCode, readonly [check: string, status: HealthStatus]>> = {
  SERVER_SILENT: ['servers', 'degraded'],
  NOT_A_MASTER: ['role', 'degraded'],
  OLD_VERSION: ['version', 'degraded'],
  EVICTION_POLICY: ['eviction', 'degraded'],
  MEMORY_NEAR_LIMIT: ['memory', 'degraded'],
  NO_AOF: ['persistence', 'degraded'],
  PERSISTENCE_FAILING: ['persistence', 'degraded'],
  REPLICA_LAG: ['replication', 'degraded'],
  REPLICAS_MISSING: ['replication', 'degraded'],
  MIN_REPLICAS: ['replication', 'degraded'],
  CLOCK_STEPPED: ['clock', 'degraded'],
  PROBE_REFUSED: ['probe', 'up'],
};

const thresholdsOf: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  memory: { share: healthThresholds.memoryShare },
  replication: { lagSeconds: healthThresholds.replicaLagSeconds, lagBytes: healthThresholds.replicaLagBytes },
  clock: { stepMs: healthThresholds.clockStepMs },
};

/** When servers are asked again that have just come up: the replicas of a new master attach one after the other. */
const settlingMs = [1_000, 5_000, 20_000];

/** What is known of the servers behind a connection: the guarantee they give, and their health. */
export class ServerInsight {
  readonly #parts: InsightParts;
  readonly #since = new Map<string, { readonly status: HealthStatus; readonly since: number }>();
  #guarantee: Guarantee;
  #settling: readonly Timer[] = [];

  constructor(parts: InsightParts) {
    this.#parts = parts;
    this.#guarantee = this.#conclude([]);
  }

  /** What the latest probe concluded. */
  get guarantee(): Guarantee {
    return this.#guarantee;
  }

  /** Asks the servers again. Never rejects. */
  async probe(): Promise<ServerState[]> {
    const servers = await probeServers(this.#parts.driver.masters());
    this.#guarantee = this.#conclude(servers);
    return servers;
  }

  /** Asks now, and until things have settled. Call it when other servers may answer than before. */
  follow(): void {
    const { clock, driver } = this.#parts;
    this.rest();
    void this.probe();
    if (driver.topology === 'memory') return;
    this.#settling = settlingMs.map((ms) => clock.setTimer(() => void this.probe(), ms, { unref: true }));
  }

  /** Asks no more by itself: nobody would answer. */
  rest(): void {
    for (const timer of this.#settling) timer.cancel();
    this.#settling = [];
  }

  async health(links: LinkState): Promise<RedisHealth> {
    const { clock, driver, latency, serverClock, capabilities } = this.#parts;
    const asked = clock.monotonic();
    const servers = links.commands ? await this.probe() : [];
    if (links.commands) await serverClock.sample().catch(() => {});
    if (latency.quantiles().samples === 0 && links.commands) latency.record(clock.monotonic() - asked);
    const warnings = warningsOf({
      topology: driver.topology,
      servers,
      guarantee: this.#guarantee,
      clockStep: serverClock.step,
      now: clock.now(),
    });
    const { kind, version } = capabilities();
    const details = { topology: driver.topology, kind, version, latencyMs: latency.quantiles(), servers };
    return {
      ...healthReport([...this.#linkChecks(links), ...this.#serverChecks(servers, warnings)]),
      details: { ...details, guarantee: this.#guarantee, warnings },
    };
  }

  #conclude(servers: readonly ServerState[]): Guarantee {
    const { driver, confirmedBy } = this.#parts;
    return guaranteeOf({ topology: driver.topology, servers, confirmedBy });
  }

  #linkChecks({ commands, subscriber, channels }: LinkState): HealthCheck[] {
    const remedy = `check that Redis runs at ${this.#parts.driver.address}`;
    return [
      this.#check('commands', commands ? 'up' : 'down', commands, commands ? '' : remedy),
      this.#check('subscriber', subscriber ? 'up' : 'down', channels, subscriber ? '' : remedy),
    ];
  }

  #serverChecks(servers: readonly ServerState[], warnings: readonly HealthWarning[]): HealthCheck[] {
    if (servers.length === 0 && warnings.length === 0) return [];
    const names = new Set(Object.values(checkOf).map(([name]) => name));
    return [...names].map((name) => {
      const own = warnings.filter(({ code }) => checkOf[code][0] === name);
      const allSilent = name === 'servers' && own.length > 0 && own.length === servers.length;
      const status = allSilent
        ? 'down'
        : own.some(({ code }) => checkOf[code][1] === 'degraded')
          ? 'degraded'
          : 'up';
      const value = own.length === 0 ? 'ok' : own.map(({ message }) => message).join('; ');
      return this.#check(name, status, value, [...new Set(own.map(({ remedy }) => remedy))].join('; '));
    });
  }

  /** A check, with the time since when it has been in this status. */
  #check(name: string, status: HealthStatus, value: unknown, remedy: string): HealthCheck {
    const last = this.#since.get(name);
    const since = last?.status === status ? last.since : this.#parts.clock.now();
    this.#since.set(name, { status, since });
    return { name, status, value, thresholds: thresholdsOf[name], since, remedy };
  }
}
