/** A lock as a library gave it out. */
export interface Held {
  /** What the library says of it when it is asked, without a round trip. */
  isValid(): boolean;
  release(): Promise<unknown>;
  /** Absent where the library has none. */
  readonly extend?: (ttlMs: number) => Promise<unknown>;
}

/** What a holder is told while it works. */
export interface Watched {
  /** By signal or callback, on the library's own account. */
  told(): boolean;
  /** When it looks itself. */
  believes(): boolean;
}

export interface KeepOptions {
  readonly ttlMs: number;
  /** Off: no handler of the loss is given, as in the library's examples. */
  readonly handled: boolean;
}

/** A lock library as the scripts use it: a process with one connection to each server. */
export interface OpenLocks {
  /** Without renewal. Rejects when it is busy for about `waitMs`, or for whatever reason the library has. */
  acquire(name: string, options: { readonly ttlMs: number; readonly waitMs: number }): Promise<Held>;
  /** Holds it with the library's renewal while `work` runs. */
  readonly keep?: (
    name: string,
    options: KeepOptions,
    work: (watched: Watched) => Promise<void>,
  ) => Promise<unknown>;
  /** One of so many permits, waiting for it for about a second. */
  readonly permit?: (name: string, permits: number, ttlMs: number) => Promise<Held>;
  /** The library's answer to whether somebody holds it. */
  readonly isLocked?: (name: string) => Promise<boolean>;
}

export interface OpenOptions {
  /** The servers are one Cluster. */
  readonly cluster?: boolean | undefined;
}

export interface Contestant {
  readonly name: string;
  /** The key of a mutex. */
  keyOf(name: string): string;
  open(urls: readonly string[], options?: OpenOptions): Promise<OpenLocks>;
  /** Whether it takes a quorum of one out of three; absent where there is nothing to set. */
  readonly takesQuorumOfOne?: (urls: readonly string[]) => Promise<boolean>;
}
