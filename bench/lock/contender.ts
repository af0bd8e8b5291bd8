/** A lock library as the benchmarks use it, on one connection set of its own: a process. */
export interface OpenLocks {
  /** Waits as the library does by default, for as long as it takes. Gives the release. */
  acquire(name: string): Promise<() => Promise<unknown>>;
  close(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  readonly open: (url: string) => Promise<OpenLocks>;
}

export const ours = 'lockstep';
export const redisSemaphore = 'redis-semaphore Mutex';

/** Far longer than any run, so that nobody's lock expires and nobody renews. */
export const ttlMs = 60_000;

let names = 0;

/** A lock that no other slice has used. */
export function freshName(): string {
  names += 1;
  return `bench-${process.pid}-${names}`;
}
