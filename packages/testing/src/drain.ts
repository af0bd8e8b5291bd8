import { eventually, type EventuallyOptions } from './eventually.ts';
import type { ManualClock } from './manual-clock.ts';

/** What {@link drain} asks of a queue. The queues of `@lockstep/task-queue` fit. */
export interface DrainableQueue<Stats extends DrainableStats = DrainableStats> {
  readonly name: string;
  stats(): Promise<Stats>;
}

/** Tasks that have not ended yet. */
export interface DrainableStats {
  /** Waiting, by priority. */
  readonly ready: Readonly<Record<string, number>>;
  readonly delayed: number;
  readonly leased: number;
  readonly paused?: boolean | undefined;
}

export interface DrainOptions extends Omit<EventuallyOptions, 'advance'> {
  /** Moves this clock instead of waiting, so that delays and retries cost no time. */
  readonly clock?: ManualClock | undefined;
  /** @defaultValue 5,000; with a clock 24 hours of its time */
  readonly timeoutMs?: number | undefined;
  /** How often it looks. @defaultValue 20; with a clock 100 of its time */
  readonly intervalMs?: number | undefined;
}

const dayMs = 86_400_000;

/**
 * Waits until every task has ended: completed, dead, cancelled or expired. Something has to work on the queue: it does
 * not. Resolves with the queue's last statistics; when the time is up it rejects with an error that says what is left.
 */
export async function drain<Stats extends DrainableStats>(
  queue: DrainableQueue<Stats>,
  options: DrainOptions = {},
): Promise<Stats> {
  const { clock, ...rest } = options;
  const moved = { timeoutMs: dayMs, intervalMs: 100, advance: (ms: number) => clock!.advance(ms) };
  return eventually(() => emptied(queue), { ...(clock && moved), ...withoutUndefined(rest) });
}

async function emptied<Stats extends DrainableStats>(queue: DrainableQueue<Stats>): Promise<Stats> {
  const stats = await queue.stats();
  const { delayed, leased, paused } = stats;
  const ready = Object.values(stats.ready).reduce((sum, count) => sum + count, 0);
  if (ready + delayed + leased === 0) return stats;
  const state = paused === true ? ' and is paused' : '';
  throw new Error(`${queue.name} has ${ready} ready, ${delayed} delayed, ${leased} leased${state}`);
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
