import { connect } from '@lockstep/redis';
import { createQueue, task } from '@lockstep/task-queue';
import { z } from 'zod';
import { ours, payload, type Contender } from './contender.ts';

const input = z.object({ text: z.string() });

export const lockstep: Contender = {
  name: ours,
  async open(url, queueName) {
    const redis = await connect(url, { prefix: 'bench:' });
    const queue = createQueue({ redis, name: queueName, tasks: { echo: task({ input }) } });
    const entry = { name: 'echo', input: payload } as const;
    return {
      add: () => queue.enqueue('echo', payload),
      addMany: (count) => queue.enqueueMany(Array.from({ length: count }, () => entry)),
      async prepareWorker(concurrency, onTask) {
        const worker = queue.worker({ concurrency, handlers: { echo: onTask } });
        return { run: () => void worker.start() };
      },
      async close() {
        await queue.close({ drainMs: 0, abortMs: 0 });
        await queue.obliterate().catch(() => {});
        await redis.close();
      },
    };
  },
};
