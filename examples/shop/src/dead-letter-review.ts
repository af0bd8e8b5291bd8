import type { DeadLetter, Queue } from '@lockstep/task-queue';
import type { payments } from '@lockstep-shop/contracts';
import type { FlakyProvider } from '@lockstep-shop/payments';
import { countBy } from './count-by.ts';
import type { Output } from './output.ts';

type PaymentsQueue = Queue<(typeof payments)['tasks']>;

/** What operators do: look at what failed, have the cause removed, send everything back. Gives the orders it was about. */
export async function reviewDeadLetters(
  queue: PaymentsQueue,
  provider: FlakyProvider,
  output: Output,
): Promise<ReadonlySet<string>> {
  const letters = await readDeadLetters(queue);
  if (letters.size > 0) {
    for (const [reason, count] of countBy(letters.values()))
      output.line(`dead letters: ${count} x ${reason}`);
    provider.endOutage();
    const { changed } = await queue.deadLetters.redrive({ filter: {} }, { ratePerSecond: 5_000 });
    output.line(`all banks answer again; ${changed} dead letters are sent back to be tried once more`);
  }
  return new Set(letters.keys());
}

/** The dead letters by order, with the reason in the provider's words. */
export async function readDeadLetters(queue: PaymentsQueue): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  for await (const letter of queue.deadLetters.list()) reasons.set(letter.id, reasonOf(letter));
  return reasons;
}

function reasonOf({ reason, history }: DeadLetter): string {
  const last = history.at(-1)?.message;
  return reason === 'attempts' && last !== undefined ? last : reason.replace(/^rejected: /, '');
}
