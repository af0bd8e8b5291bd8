import type { AdminClient } from './client.ts';
import { infoNumber, parseInfo, type ServerInfo } from './server-info.ts';

/** A replica as its master sees it. */
export interface ReplicaState {
  readonly address: string;
  /** `online` once it follows the stream of writes. */
  readonly state: string;
  /** Seconds since its last acknowledgement. */
  readonly lagSeconds: number | undefined;
  /** Bytes of the stream of writes it has not acknowledged. */
  readonly lagBytes: number | undefined;
}

/** What of a server's data survives the end of its process. */
export interface PersistenceState {
  /** `off`: no append-only file; `on`: one whose fsync policy may not be read; `undefined`: unknown. */
  readonly aof: 'always' | 'everysec' | 'no' | 'on' | 'off' | undefined;
  /** Whether snapshots are written by a schedule. */
  readonly snapshots: boolean | undefined;
  /** The last write of the append-only file, and the last snapshot, went well. */
  readonly healthy: boolean | undefined;
}

/** One master's own report. A field it may not tell, or does not have, is `undefined`. */
export interface ServerState {
  readonly address: string;
  readonly role: 'master' | 'replica' | undefined;
  readonly version: string | undefined;
  readonly replicas: readonly ReplicaState[];
  readonly usedMemoryBytes: number | undefined;
  /** 0: no limit. */
  readonly maxMemoryBytes: number | undefined;
  readonly evictionPolicy: string | undefined;
  readonly persistence: PersistenceState;
  readonly minReplicasToWrite: number | undefined;
  /** Commands that the ACL does not allow. */
  readonly refused: readonly string[];
  /** Set when it did not answer; then nothing else is known. */
  readonly error: unknown;
}

/** Asks every master about itself. Never rejects. */
export function probeServers(masters: readonly AdminClient[]): Promise<ServerState[]> {
  return Promise.all(masters.map((master) => probe(master).catch((error: unknown) => silent(master, error))));
}

async function probe(master: AdminClient): Promise<ServerState> {
  const refused: string[] = [];
  const allowed = <T>(command: string, reply: Promise<T>): Promise<T | undefined> =>
    reply.catch((error: unknown) => {
      // Managed services take CONFIG away altogether.
      if (!(error instanceof Error) || !/^NOPERM|unknown command/i.test(error.message)) throw error;
      refused.push(command);
      return undefined;
    });
  const setting = (name: string): Promise<string | undefined> =>
    allowed(`config|get`, master.call('config', 'get', name)).then(
      (reply) => (reply as string[] | undefined)?.[1],
    );
  const [text, appendfsync, save, minReplicas] = await Promise.all([
    allowed('info', master.info()),
    setting('appendfsync'),
    setting('save'),
    setting('min-replicas-to-write'),
  ]);
  const info = parseInfo(text ?? '');
  return {
    address: addressOf(master),
    role: roleOf(info),
    version: info.get('valkey_version') ?? info.get('redis_version'),
    replicas: replicasOf(info),
    usedMemoryBytes: infoNumber(info, 'used_memory'),
    maxMemoryBytes: infoNumber(info, 'maxmemory'),
    evictionPolicy: info.get('maxmemory_policy'),
    persistence: persistenceOf(info, appendfsync, save),
    minReplicasToWrite: minReplicas === undefined ? undefined : Number(minReplicas),
    refused: [...new Set(refused)],
    error: undefined,
  };
}

function silent(master: AdminClient, error: unknown): ServerState {
  return {
    address: addressOf(master),
    role: undefined,
    version: undefined,
    replicas: [],
    usedMemoryBytes: undefined,
    maxMemoryBytes: undefined,
    evictionPolicy: undefined,
    persistence: { aof: undefined, snapshots: undefined, healthy: undefined },
    minReplicasToWrite: undefined,
    refused: [],
    error,
  };
}

/** Where the connection leads now: under Sentinel that is not in its options. */
function addressOf(master: AdminClient): string {
  const { remoteAddress, remotePort } = master.stream ?? {};
  if (remoteAddress !== undefined) return `${remoteAddress}:${remotePort}`;
  const { host = 'redis', port = 6379 } = master.options as { host?: string; port?: number };
  return `${host}:${port}`;
}

function roleOf(info: ServerInfo): ServerState['role'] {
  const role = info.get('role');
  return role === 'slave' ? 'replica' : role === 'master' ? 'master' : undefined;
}

/** `slave0:ip=127.0.0.1,port=7001,state=online,offset=42,lag=0` */
function replicasOf(info: ServerInfo): ReplicaState[] {
  const written = infoNumber(info, 'master_repl_offset');
  const lines = [...info].filter(([field]) => /^slave\d+$/.test(field)).map(([, line]) => line);
  return lines.map((line) => {
    const fields = new Map(line.split(',').map((pair) => pair.split('=', 2) as [string, string]));
    const offset = infoNumber(fields, 'offset');
    return {
      address: `${fields.get('ip')}:${fields.get('port')}`,
      state: fields.get('state') ?? 'unknown',
      lagSeconds: infoNumber(fields, 'lag'),
      lagBytes: written === undefined || offset === undefined ? undefined : Math.max(0, written - offset),
    };
  });
}

function persistenceOf(
  info: ServerInfo,
  appendfsync: string | undefined,
  save: string | undefined,
): PersistenceState {
  const enabled = info.get('aof_enabled');
  const aof = enabled === undefined ? undefined : enabled === '0' ? 'off' : knownPolicy(appendfsync);
  const statuses = ['aof_last_write_status', 'rdb_last_bgsave_status'].map((field) => info.get(field));
  return {
    aof,
    snapshots: save === undefined ? undefined : save !== '',
    healthy: enabled === undefined ? undefined : !statuses.includes('err'),
  };
}

function knownPolicy(appendfsync: string | undefined): PersistenceState['aof'] {
  return appendfsync === 'always' || appendfsync === 'everysec' || appendfsync === 'no' ? appendfsync : 'on';
}
