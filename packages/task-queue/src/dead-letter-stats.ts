import type { DeadLetter } from './dead-letter.ts';
import type { ResolvedDefinition } from './definition-schema.ts';
import { recommend } from './recommendations.ts';

export type DeadLetterSeverity = 'ok' | 'warning' | 'critical';

/** The dead letters of one task. */
export interface DeadLettersOfTask {
  readonly count: number;
  /** How many died of which reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** How many had which error in their last attempt, by the error's name. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface DeadLetterStats {
  readonly total: number;
  /** Died within the last 24 h. */
  readonly last24h: number;
  /** By the task's name; an empty name stands for tasks that cannot be read. */
  readonly byTask: Readonly<Record<string, DeadLettersOfTask>>;
  /** Times of death by the server's clock. */
  readonly oldestAt: number | undefined;
  readonly newestAt: number | undefined;
  /** By the thresholds of the queue's definition. */
  readonly severity: DeadLetterSeverity;
  readonly thresholds: { readonly warningAt: number; readonly criticalAt: number };
  /** What to do, the most frequent trouble first. */
  readonly recommendations: readonly string[];
}

const dayMs = 24 * 60 * 60 * 1000;

type Counts = Record<string, number>;

interface TaskCounts {
  count: number;
  reasons: Counts;
  errors: Counts;
}

/** Reads all dead letters once and keeps counts only. */
export async function deadLetterStats(
  letters: AsyncIterable<DeadLetter>,
  { warningAt, criticalAt }: Pick<ResolvedDefinition, 'warningAt' | 'criticalAt'>,
  now: number,
): Promise<DeadLetterStats> {
  const byTask: Record<string, TaskCounts> = Object.create(null) as Record<string, TaskCounts>;
  let total = 0;
  let last24h = 0;
  let oldestAt: number | undefined;
  let newestAt: number | undefined;
  for await (const letter of letters) {
    total += 1;
    if (letter.diedAt > now - dayMs) last24h += 1;
    oldestAt = Math.min(oldestAt ?? letter.diedAt, letter.diedAt);
    newestAt = Math.max(newestAt ?? letter.diedAt, letter.diedAt);
    addTo((byTask[letter.name] ??= emptyCounts()), letter);
  }
  const thresholds = { warningAt, criticalAt };
  const severity = severityOf(total, thresholds);
  return {
    total,
    last24h,
    byTask,
    oldestAt,
    newestAt,
    severity,
    thresholds,
    recommendations: recommend(byTask),
  };
}

export function severityOf(
  total: number,
  { warningAt, criticalAt }: { readonly warningAt: number; readonly criticalAt: number },
): DeadLetterSeverity {
  if (total >= criticalAt) return 'critical';
  return total >= warningAt ? 'warning' : 'ok';
}

/** The reason without its detail: `rejected: card declined` counts as `rejected`. */
function kindOf(reason: string): string {
  return reason.split(':', 1)[0] ?? reason;
}

function emptyCounts(): TaskCounts {
  // User-chosen words become keys here: without a prototype none of them is special.
  return { count: 0, reasons: Object.create(null) as Counts, errors: Object.create(null) as Counts };
}

function addTo(counts: TaskCounts, { reason, history }: DeadLetter): void {
  counts.count += 1;
  increment(counts.reasons, kindOf(reason));
  const last = history.at(-1);
  if (last !== undefined) increment(counts.errors, last.name);
}

function increment(counts: Counts, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
