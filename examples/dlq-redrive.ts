import { connect } from '@lockstep/redis';
import { createQueue, RejectTask, task } from '@lockstep/task-queue';
import { z } from 'zod';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://redrive', { prefix: 'redrive:' });
const queue = createQueue({
  redis,
  name: 'payments',
  tasks: {
    charge: task({
      input: z.object({ card: z.string() }),
      output: z.string(),
      maxAttempts: 2,
      backoff: { type: 'fixed', delayMs: 10 },
    }),
  },
});

let gatewayIsDown = true;
const worker = queue.worker({
  handlers: {
    charge: ({ card }) => {
      if (card === 'expired') throw new RejectTask('the card has expired');
      if (gatewayIsDown) throw new Error('gateway unreachable');
      return `charged ${card}`;
    },
  },
});
await worker.start();

const cards = ['visa', 'amex', 'expired'];
const entries = cards.map((card) => ({ name: 'charge' as const, input: { card } }));
const ids = (await queue.enqueueMany(entries)).map(({ id }) => id);
await Promise.all(ids.map((id) => queue.result(id, { timeoutMs: 2_000 })));
for (const advice of (await queue.deadLetters.stats()).recommendations) console.log(advice);

gatewayIsDown = false;
const filter = { task: 'charge', error: 'gateway' } as const;
const { matched } = await queue.deadLetters.redrive({ filter }, { dryRun: true });
console.log(`would redrive ${matched}`);
const { changed } = await queue.deadLetters.redrive({ filter }, { ratePerSecond: 100 });
console.log(`redrove ${changed}`);

for (const id of ids) {
  const outcome = await queue.result(id, { timeoutMs: 2_000 });
  console.log(outcome.status === 'completed' ? outcome.output : outcome.status);
}
await queue.obliterate();
