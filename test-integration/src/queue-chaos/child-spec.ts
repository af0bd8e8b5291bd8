/** What a child process of these tests does; each is a file in `roles/`. */
export type RoleName = 'storm' | 'hasty' | 'paused' | 'skewed' | 'poison' | 'service' | 'sleeping';

/** What a child process is told, as the JSON of its only argument. */
export interface ChildSpec {
  readonly role: RoleName;
  /** Names the process in histories. */
  readonly name: string;
  readonly url: string;
  readonly queue: string;
  /** Its history, outside the Redis under test. */
  readonly historyFile: string;
  readonly leaseMs: number;
  readonly concurrency: number;
  /** How far its wall clock is off. */
  readonly skewMs?: number | undefined;
}
