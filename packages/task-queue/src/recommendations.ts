import type { DeadLettersOfTask } from './dead-letter-stats.ts';

interface Trouble {
  readonly task: string;
  readonly reason: string;
  readonly count: number;
  readonly of: DeadLettersOfTask;
}

const most = 5;

/** One sentence per kind of trouble, the most frequent first. */
export function recommend(byTask: Readonly<Record<string, DeadLettersOfTask>>): string[] {
  const troubles = Object.entries(byTask).flatMap(([task, of]) =>
    Object.entries(of.reasons).map(([reason, count]): Trouble => ({ task, reason, count, of })),
  );
  return troubles
    .toSorted((a, b) => b.count - a.count)
    .slice(0, most)
    .map(advise);
}

function advise(trouble: Trouble): string {
  const what = `${trouble.count} of ${trouble.task || 'tasks that cannot be read'}`;
  switch (trouble.reason) {
    case 'attempts':
      return `${what} ran out of attempts, most with ${topError(trouble)}: fix the cause, then redrive them by filter`;
    case 'rejected':
      return `${what} were rejected by their handler: read their reasons; redrive only what has been corrected`;
    case 'payload':
      return `${what} hold a payload that the schema refuses: deploy a schema that takes it, then redrive them, or remove them`;
    case 'output':
      return `${what} returned an output that the schema refuses: their work was done, so correct the handler and remove them`;
    case 'unknown-task':
      return `${what} were known to no worker: deploy a worker with this task, then redrive them`;
    case 'max-deliveries':
      return `${what} were taken and never settled: look for crashes, exhausted memory or a blocked event loop before you redrive them`;
    default:
      return `${what} died of ${trouble.reason}`;
  }
}

function topError({ of }: Trouble): string {
  const [top] = Object.entries(of.errors).toSorted(([, a], [, b]) => b - a);
  return top?.[0] ?? 'an unknown error';
}
