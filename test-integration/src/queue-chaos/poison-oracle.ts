import type { DeadLetter } from '@lockstep/task-queue';
import { poisonLimits } from './queues.ts';

/** What of a dead letter the oracle looks at. */
export type JudgedLetter = Pick<DeadLetter, 'id' | 'reason' | 'attempts' | 'deliveries'> & {
  readonly history: readonly { readonly name: string; readonly code?: string | undefined }[];
};

interface Verdict {
  readonly reason: string;
  readonly attempts?: number | undefined;
  readonly deliveries?: number | undefined;
  readonly failures: number;
  /** The name or the code of the last failure. */
  readonly last?: string | undefined;
}

const { maxAttempts, maxDeliveries } = poisonLimits;
const failed = { reason: 'attempts', attempts: maxAttempts, failures: maxAttempts } as const;
const crashed = { reason: 'max-deliveries', deliveries: maxDeliveries, failures: 0 } as const;
const unreadable = { reason: 'payload', failures: 1, last: 'PAYLOAD_INVALID' } as const;

/** What each kind of poison has to look like among the dead letters. */
const verdicts = {
  throws: { ...failed, last: 'TypeError' },
  hangs: { ...failed, last: 'TASK_TIMEOUT' },
  killed: crashed,
  exits: crashed,
  changed: unreadable,
  garbled: unreadable,
} as const satisfies Record<string, Verdict>;

export type PoisonKind = keyof typeof verdicts;
export const poisonKinds = Object.keys(verdicts) as PoisonKind[];

/** The ids are `<kind>-<n>`. Gives what is wrong, in words: nothing when each is dead once, with its reason and history. */
export function poisonProblems(letters: readonly JudgedLetter[], each: number): string[] {
  const wanted = poisonKinds.flatMap((kind) => Array.from({ length: each }, (_, n) => `${kind}-${n}`));
  const counts = new Map<string, number>(wanted.map((id) => [id, 0]));
  for (const { id } of letters) counts.set(id, (counts.get(id) ?? 0) + 1);
  const miscounted = [...counts]
    .filter(([id, count]) => count !== 1 || !wanted.includes(id))
    .map(([id, count]) => `${id} is there ${count} times`);
  return [...miscounted, ...letters.flatMap(problemsOf)];
}

function problemsOf({ id, reason, attempts, deliveries, history }: JudgedLetter): string[] {
  const expected: Verdict | undefined = verdicts[id.split('-')[0] as PoisonKind];
  if (expected === undefined) return [`${id} is no poison`];
  const last = history.at(-1);
  const told = expected.last === undefined || last?.name === expected.last || last?.code === expected.last;
  return [
    ...(reason === expected.reason ? [] : [`${id} died of ${reason}`]),
    ...(attempts === (expected.attempts ?? attempts) ? [] : [`${id} had ${attempts} attempts`]),
    ...(deliveries === (expected.deliveries ?? deliveries) ? [] : [`${id} had ${deliveries} deliveries`]),
    ...(history.length === expected.failures ? [] : [`${id} has ${history.length} failures`]),
    ...(told ? [] : [`${id} failed with ${last?.name}`]),
  ];
}
