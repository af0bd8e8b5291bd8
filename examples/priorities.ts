import { connect } from '@lockstep/redis';
import { createQueue, task } from '@lockstep/task-queue';
import { z } from 'zod';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://priorities', {
  prefix: 'priorities:',
});
const queue = createQueue({
  redis,
  name: 'reports',
  tasks: { build: task({ input: z.object({ report: z.string() }), output: z.string() }) },
});

// Enqueued before there is a worker, the least urgent first.
const enqueued = await queue.enqueueMany([
  { name: 'build', input: { report: 'archive' }, priority: 'low' },
  { name: 'build', input: { report: 'monthly' } },
  { name: 'build', input: { report: 'dashboard' }, priority: 'high' },
  { name: 'build', input: { report: 'incident' }, priority: 'critical' },
]);

const worker = queue.worker({
  concurrency: 1,
  handlers: {
    build: ({ report }, { priority }) => {
      console.log(`${report} (${priority})`);
      return report;
    },
  },
});
await worker.start();
await Promise.all(enqueued.map(({ id }) => queue.result(id, { timeoutMs: 3_000 })));
