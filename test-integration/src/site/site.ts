/** Where Redis processes of a topology run: as children of this process, or inside one container. */
export type SiteKind = 'binary' | 'container';

export type ProcessProgram = 'redis-server' | 'redis-sentinel';

export interface ProcessSpec {
  readonly program: ProcessProgram;
  /** Tells the processes of a site apart; names its folder. */
  readonly name: string;
  /** Lines of the configuration file. `port`, `bind`, `dir`, `logfile` and `pidfile` are added. */
  readonly config: readonly string[];
  /** Further files for its folder, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** One of the site's ports. */
  readonly port: number;
}

export type Signal = 'KILL' | 'TERM' | 'STOP' | 'CONT';

/** One process that the site started. */
export interface SiteProcess {
  readonly running: boolean;
  /** Resolves when the process has ended, however that came about. */
  readonly ended: Promise<void>;
  /** After KILL and TERM it resolves when the process has ended. */
  signal(signal: Signal): Promise<void>;
  /** Its log so far, for the message of a failed start. */
  log(): Promise<string>;
}

/**
 * A few ports of 127.0.0.1 that are the same inside and outside, a folder, and processes on them. Addresses that nodes
 * tell each other and their clients are therefore right for both.
 */
export interface Site extends AsyncDisposable {
  readonly kind: SiteKind;
  readonly ports: readonly number[];
  /** Starts or restarts the process of this name; configuration and data of an earlier start are kept. */
  start(spec: ProcessSpec): Promise<SiteProcess>;
}

/** The whole configuration file of a process in its folder. */
export function configFile(spec: ProcessSpec, folder: string, bind: string): string {
  const lines = [
    `port ${spec.port}`,
    `bind ${bind}`,
    'protected-mode no',
    `dir ${folder}`,
    `logfile ${folder}/log`,
    `pidfile ${folder}/pid`,
    ...spec.config,
  ];
  return `${lines.join('\n')}\n`;
}
