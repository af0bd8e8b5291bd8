import { isLockstepError, type ErrorHandler } from '@lockstep/core';
import { scriptCall } from '@lockstep/redis';
import { indexKeys } from './keys.ts';
import type { Place } from './place.ts';
import { indexLocks } from './scripts/index-locks.ts';

export const buckets = 16;

interface IndexWriterParts {
  readonly place: Place;
  readonly onError: ErrorHandler;
  /** Something could not be written; the next `write` tries again. */
  readonly onBehind: () => void;
  /** How many names wait at most for a place to answer. */
  readonly most: number;
  /** A name is given up, because too many wait. */
  readonly onDropped: (name: string) => void;
}

/**
 * Writes names into the index of one place, batch after batch, and waits for no other place. What fails is kept and
 * written again with what comes next; that it fails is told once, until something is written.
 */
export class IndexWriter {
  readonly #parts: IndexWriterParts;
  /** Name, and for how long it may be held. */
  #waiting = new Map<string, number>();
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(parts: IndexWriterParts) {
    this.#parts = parts;
  }

  /** Writes these, and what is left of earlier ones. */
  write(batch: ReadonlyMap<string, number>): void {
    for (const [name, forMs] of batch) this.#waiting.set(name, forMs);
    if (this.#waiting.size > 0) this.#writing ??= this.#write();
  }

  /** Resolves once nothing is under way: to true when all is written. */
  async written(): Promise<true | undefined> {
    await this.#writing;
    return this.#waiting.size === 0 || undefined;
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#waiting;
      this.#waiting = new Map();
      const failure = await this.#send(batch);
      if (failure !== undefined) {
        this.#keep(batch, failure);
        break;
      }
      this.#failing = false;
    }
    this.#writing = undefined;
  }

  /** The first failure of the batch, if one of its buckets could not be written. */
  async #send(batch: ReadonlyMap<string, number>): Promise<PromiseRejectedResult | undefined> {
    const { redis, lockPrefix } = this.#parts.place;
    const byBucket = new Map<number, (string | number)[]>();
    for (const [name, forMs] of batch) {
      const bucket = bucketOf(name);
      const entries = byBucket.get(bucket) ?? [];
      byBucket.set(bucket, entries);
      entries.push(name, forMs);
    }
    const calls = [...byBucket].map(([bucket, restArgs]) =>
      scriptCall(indexLocks, indexKeys(lockPrefix, bucket), {}, { restArgs }),
    );
    const settled = await Promise.allSettled([redis.runAll(calls)]);
    const replies = settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : [result]));
    return replies.find((result) => result.status === 'rejected');
  }

  #keep(batch: ReadonlyMap<string, number>, { reason }: PromiseRejectedResult): void {
    const { most, onDropped, onBehind, onError } = this.#parts;
    this.#waiting = new Map([...batch, ...this.#waiting]);
    for (const name of this.#waiting.keys()) {
      if (this.#waiting.size <= most) break;
      this.#waiting.delete(name);
      onDropped(name);
    }
    onBehind();
    // The connection has closed under it: there is nobody to tell, and nothing to be done.
    if (this.#failing || isLockstepError(reason, 'CLOSED')) return;
    this.#failing = true;
    onError(reason, { source: 'locks', operation: 'index' });
  }
}

/** FNV-1a over UTF-16 units: the same in every process and release. */
function bucketOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % buckets;
}
