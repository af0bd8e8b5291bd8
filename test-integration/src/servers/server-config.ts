export interface ServerConfigOptions {
  /** The fsync policy of the append-only file; `off` means none at all. @defaultValue 'off' */
  readonly appendonly?: 'always' | 'everysec' | 'no' | 'off' | undefined;
  /** For example `4mb`; writes beyond it are refused. */
  readonly maxmemory?: string | undefined;
  readonly requirepass?: string | undefined;
  /** Lines such as `user app on >secret ~app:* +@all`. */
  readonly acl?: readonly string[] | undefined;
  /** Further lines of the configuration. */
  readonly config?: readonly string[] | undefined;
}

/** The configuration of a redis-server: no snapshots, and replicas that synchronise at once instead of after 5 s. */
export function serverConfig(options: ServerConfigOptions): string[] {
  const { appendonly = 'off', maxmemory, requirepass, acl = [], config = [] } = options;
  return [
    'save ""',
    `appendonly ${appendonly === 'off' ? 'no' : 'yes'}`,
    ...(appendonly === 'off' ? [] : [`appendfsync ${appendonly}`]),
    ...(maxmemory === undefined ? [] : [`maxmemory ${maxmemory}`, 'maxmemory-policy noeviction']),
    // A replica that is promoted must be able to follow and to be followed.
    ...(requirepass === undefined ? [] : [`requirepass ${requirepass}`, `masterauth ${requirepass}`]),
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    ...acl,
    ...config,
  ];
}
