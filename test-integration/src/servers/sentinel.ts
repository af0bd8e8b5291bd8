import { randomBytes } from 'node:crypto';
import { eventually } from '@lockstep/testing';
import type { Site } from '../site/site.ts';
import { NodeGroup, startGroup } from './node-group.ts';
import type { GroupOptions } from './node-group.ts';
import { RedisNode } from './redis-node.ts';
import { inSync, replicatedNodes } from './replica.ts';
import type { ServerConfigOptions } from './server-config.ts';

export interface SentinelOptions extends GroupOptions, ServerConfigOptions {
  /** After how much silence a master counts as down. @defaultValue 500 */
  readonly downAfterMs?: number | undefined;
}

const masterName = 'mymaster';
const servers = 3;
const sentinels = 3;
const quorum = 2;
/** While it starts, a busy machine must not pass for a master that is down: a failover then would be nobody's test. */
const neverDownMs = 60_000;

/** One master, two replicas, three sentinels. */
export class SentinelTopology extends NodeGroup {
  readonly servers: readonly RedisNode[];
  readonly sentinels: readonly RedisNode[];

  constructor(site: Site, options: SentinelOptions) {
    const serverPorts = site.ports.slice(0, servers);
    const nodes = replicatedNodes(site, serverPorts, options);
    const watchers = sentinelNodes(site, serverPorts, site.ports.slice(servers), options);
    super(site, [...nodes, ...watchers]);
    this.servers = nodes;
    this.sentinels = watchers;
  }

  /** The form that `connect()` takes. */
  get url(): string {
    return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${masterName}`;
  }

  /** The node that the sentinels name as master at the moment. */
  async master(): Promise<RedisNode> {
    const sentinel = this.sentinels.find(({ answers }) => answers);
    if (sentinel === undefined) throw new Error('no sentinel runs');
    const [, port] = (await sentinel.command('sentinel', 'get-master-addr-by-name', masterName)) as [
      string,
      string,
    ];
    return this.nodeAt(Number(port));
  }

  /** Waits until the sentinels name another master than this one and it accepts writes; gives the new one. */
  failedOverFrom(old: RedisNode): Promise<RedisNode> {
    return eventually(
      async () => {
        const master = await this.master();
        if (master === old) throw new Error(`the master is still on port ${old.port}`);
        const [role] = (await master.command('role')) as [string];
        if (role !== 'master') throw new Error(`port ${master.port} is a ${role} still`);
        return master;
      },
      { timeoutMs: 20_000 },
    );
  }

  /** From now on no silence is long enough for a failover: on a busy machine one may follow the one that is tested. */
  async keepMaster(): Promise<void> {
    await Promise.all(this.sentinels.map((node) => failOverAfter(node, neverDownMs)));
  }

  /** A failover in good order: asks until a sentinel takes it on, which waits for an earlier one, and until it is done. */
  async failOver(): Promise<RedisNode> {
    const old = await this.master();
    const ask = (): Promise<unknown> => this.sentinels[0]!.command('sentinel', 'failover', masterName);
    await eventually(ask, { timeoutMs: 20_000, intervalMs: 100 });
    return this.failedOverFrom(old);
  }
}

export function startSentinel(options: SentinelOptions = {}): Promise<SentinelTopology> {
  const make = (site: Site): SentinelTopology => new SentinelTopology(site, options);
  return startGroup(servers + sentinels, options, make, async (group) => {
    await inSync(group.servers.slice(1));
    await Promise.all(group.sentinels.map(settled));
    await Promise.all(group.sentinels.map((node) => failOverAfter(node, options.downAfterMs ?? 500)));
  });
}

function failOverAfter(sentinel: RedisNode, downAfterMs: number): Promise<unknown> {
  return sentinel.command('sentinel', 'set', masterName, 'down-after-milliseconds', downAfterMs);
}

/** They are told of each other in their configuration: finding out by themselves takes a hello period of 2 s. */
function sentinelNodes(
  site: Site,
  serverPorts: readonly number[],
  ports: readonly number[],
  { requirepass }: SentinelOptions,
): RedisNode[] {
  const [master, ...replicas] = serverPorts;
  const ids = ports.map(() => randomBytes(20).toString('hex'));
  return ports.map((port, index) => {
    const others = ports.map(
      (other, at) => `sentinel known-sentinel ${masterName} 127.0.0.1 ${other} ${ids[at]}`,
    );
    const config = [
      `sentinel myid ${ids[index]}`,
      'sentinel announce-ip 127.0.0.1',
      `sentinel monitor ${masterName} 127.0.0.1 ${master} ${quorum}`,
      `sentinel down-after-milliseconds ${masterName} ${neverDownMs}`,
      `sentinel failover-timeout ${masterName} 5000`,
      ...(requirepass === undefined ? [] : [`sentinel auth-pass ${masterName} ${requirepass}`]),
      ...replicas.map((replica) => `sentinel known-replica ${masterName} 127.0.0.1 ${replica}`),
      ...others.filter((_, at) => at !== index),
    ];
    return new RedisNode(site, { program: 'redis-sentinel', name: `sentinel-${index + 1}`, port, config });
  });
}

/** Waits until a sentinel sees the whole topology and could carry out a failover. */
function settled(sentinel: RedisNode): Promise<void> {
  return eventually(
    async () => {
      await sentinel.command('sentinel', 'ckquorum', masterName);
      const fields = (await sentinel.command('sentinel', 'master', masterName)) as string[];
      const seen = (field: string): string | undefined => fields[fields.indexOf(field) + 1];
      const state = `${seen('flags')} ${seen('num-slaves')} ${seen('num-other-sentinels')}`;
      if (state !== `master ${servers - 1} ${sentinels - 1}`) throw new Error(`sentinel sees ${state}`);
      const replicas = (await sentinel.command('sentinel', 'replicas', masterName)) as string[][];
      const linked = replicas.filter(
        (replica) => replica[replica.indexOf('master-link-status') + 1] === 'ok',
      );
      if (linked.length !== servers - 1) throw new Error(`sentinel sees ${linked.length} linked replicas`);
    },
    { timeoutMs: 20_000 },
  );
}
