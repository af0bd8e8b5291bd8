/** What a process that takes locks is told, as the JSON of its only argument. */
export interface HolderSpec {
  /** Names it in the history. */
  readonly name: string;
  /** Where it takes locks: one URL, or one for each master of a quorum. Through proxies that a test can cut. */
  readonly lockUrls: readonly string[];
  /** Where it writes under a lock; never cut, so that a stale write can arrive. */
  readonly resourceUrl: string;
  readonly names: readonly string[];
  readonly ttlMs: number;
  /** The share of holds that go on for up to twice the time to live; the others are short. */
  readonly longHolds: number;
  readonly historyFile: string;
  /** How many acquisitions it keeps going at once. */
  readonly lanes: number;
  /** Whether the resource compares tokens. */
  readonly fenced: boolean;
  readonly seed: number;
}
