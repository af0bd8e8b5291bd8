import { connect } from '@lockstep/redis';
import { createQueue, defineQueue, task } from '@lockstep/task-queue';
import { z } from 'zod';

const greetings = defineQueue({
  name: 'greetings',
  tasks: { greet: task({ input: z.object({ name: z.string() }), output: z.string() }) },
});

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://hello');
const queue = createQueue({ redis, ...greetings });
await queue.worker({ handlers: { greet: ({ name }) => `Hello, ${name}!` } }).start();

const { id } = await queue.enqueue('greet', { name: 'Ada' });
const outcome = await queue.result(id, { timeoutMs: 2_000 });
if (outcome.status === 'completed') console.log(outcome.output);
