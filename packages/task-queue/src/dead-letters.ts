import type { DeadItem, Engine } from '@lockstep/delivery/internal';
import type { TaskMap, TaskName } from './definition.ts';
import { deadLetterOf, type DeadLetter } from './dead-letter.ts';
import {
  matchesFilter,
  resolveFilter,
  resolveSelection,
  type DeadLetterFilter,
  type DeadLetterSelection,
  type ListDeadLettersOptions,
} from './dead-letter-filter.ts';
import { deadLetterStats, type DeadLetterStats } from './dead-letter-stats.ts';
import { Pace } from './pace.ts';
import type { QueueParts } from './queue-parts.ts';
import { isOwnQueue, moveDeadLetters } from './redrive-target.ts';
import { resolveRedriveOptions, type RedriveOptions } from './redrive-options.ts';

/** What a selection of dead letters came to. */
export interface DeadLetterReport {
  /** Dead letters that were selected. */
  readonly matched: number;
  /**
   * Those that were moved or removed: fewer when somebody else was faster, or when the queue of `to` has another task
   * under that id: that letter stays; none in a dry run.
   */
  readonly changed: number;
}

/** Dead letters are moved in calls of this many at most, so that none of them holds Redis for long. */
const sliceSize = 100;

/**
 * The tasks that ended badly: out of attempts, rejected, unreadable, unknown, or lost with too many workers. Each keeps
 * its input and the history of its failures until it is redriven or removed.
 */
export class DeadLetters<Tasks extends TaskMap> {
  readonly #parts: QueueParts;

  /** Use `queue.deadLetters`. */
  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** The dead letters that match, oldest first, read in slices while it is iterated. */
  async *list(
    options: ListDeadLettersOptions<TaskName<Tasks>> = {},
  ): AsyncGenerator<DeadLetter, void, undefined> {
    const { signal, ...filter } = resolveFilter(options);
    yield* this.#matching(filter, signal);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const item = await this.#deadItems.get(id);
    return item && deadLetterOf(this.#parts.codec, item);
  }

  /**
   * Sends dead letters back to be run: with all their attempts, under their id, their history kept. By filter it moves
   * what was dead when it was called; a task that dies again meanwhile is not moved twice. Holds the ids in memory. After
   * an abort or a failure it may be called again.
   */
  async redrive(
    selection: DeadLetterSelection<TaskName<Tasks>>,
    options?: RedriveOptions,
  ): Promise<DeadLetterReport> {
    const { ratePerSecond, dryRun, to, signal } = resolveRedriveOptions(options);
    const pace = new Pace(this.#parts.redis.clock, ratePerSecond);
    return this.#each(selection, Math.min(sliceSize, pace.burst), signal, async (ids) => {
      if (dryRun) return 0;
      await pace.spend(ids.length, signal);
      this.#parts.closing.assertOpen();
      if (to !== undefined && !isOwnQueue(this.#parts, to)) return moveDeadLetters(this.#parts, to, ids);
      return (await this.#deadItems.redrive(ids)).length;
    });
  }

  /** Removes dead letters for good. */
  remove(
    selection: DeadLetterSelection<TaskName<Tasks>>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<DeadLetterReport> {
    return this.#each(
      selection,
      sliceSize,
      options.signal,
      async (ids) => (await this.#deadItems.remove(ids)).length,
    );
  }

  /** Counts by task, reason and age, how bad that is, and what to do about it. Reads every dead letter, in slices. */
  async stats(): Promise<DeadLetterStats> {
    const now = await this.#parts.redis.time();
    return deadLetterStats(this.#matching({}, undefined), this.#parts.definition, now);
  }

  /** Throws `ClosedError`. */
  get #deadItems(): Engine['deadLetters'] {
    this.#parts.closing.assertOpen();
    return this.#parts.engine.deadLetters;
  }

  async *#matching(
    filter: DeadLetterFilter,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<DeadLetter, void, undefined> {
    for await (const item of this.#items(filter, signal)) {
      const letter = deadLetterOf(this.#parts.codec, item);
      if (matchesFilter(letter, filter)) yield letter;
      this.#parts.closing.assertOpen();
    }
  }

  #items({ since }: DeadLetterFilter, signal: AbortSignal | undefined): AsyncIterable<DeadItem> {
    const from = since instanceof Date ? since.getTime() : since;
    return this.#deadItems.list({ since: from, signal });
  }

  async #each(
    selection: DeadLetterSelection<TaskName<Tasks>>,
    size: number,
    signal: AbortSignal | undefined,
    change: (ids: readonly string[]) => Promise<number>,
  ): Promise<DeadLetterReport> {
    const ids = await this.#select(selection, signal);
    let changed = 0;
    for (let from = 0; from < ids.length; from += size) {
      signal?.throwIfAborted();
      changed += await change(ids.slice(from, from + size));
    }
    return { matched: ids.length, changed };
  }

  /**
   * All ids, before any is moved: pages of a list that shrinks while it is read would skip what moved up, and a task
   * that dies again would be found again.
   */
  async #select(
    selection: DeadLetterSelection<TaskName<Tasks>>,
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    const { ids, filter } = resolveSelection(selection);
    if (filter === undefined) return this.#present(ids);
    const matching: string[] = [];
    for await (const { id } of this.#matching(filter, signal)) matching.push(id);
    return matching;
  }

  /** A dry run must not count ids that are no dead letters. */
  async #present(ids: readonly string[]): Promise<string[]> {
    const unique = [...new Set(ids)];
    const letters = await Promise.all(unique.map((id) => this.#deadItems.get(id)));
    return unique.filter((_, index) => letters[index] !== undefined);
  }
}
