import { connect } from '@lockstep/redis';
import { createQueue, defineQueue, task } from '@lockstep/task-queue';
import { z } from 'zod';

const exporting = defineQueue({
  name: 'exports',
  tasks: { export: task({ input: z.object({ rows: z.number() }) }) },
});
const url = process.env['REDIS_URL'] ?? 'memory://shutdown';
const prefix = 'shutdown:';

const service = await connect(url, { prefix });
const queue = createQueue({ redis: service, ...exporting });
let started: () => void = () => {};
const running = new Promise<void>((resolve) => (started = resolve));
const worker = queue.worker({
  handlers: {
    export: async ({ rows }, { signal }) => {
      console.log(`exporting ${rows} rows`);
      started();
      // Work that would take an hour, but stops when it is told to.
      await new Promise((_done, stop) =>
        signal.addEventListener('abort', () => stop(signal.reason as Error)),
      );
    },
  },
});
await worker.start();
const { id } = await queue.enqueue('export', { rows: 1_000_000 });
await running;

// What a service does on SIGTERM: no more claims, 100 ms to finish, then abort, hand back and disconnect.
const { parts } = await service.close({ drainMs: 100, abortMs: 1_000 });
for (const { name, aborted, errors } of parts)
  console.log(`${name}: ${aborted} aborted, ${errors.length} errors`);

await using elsewhere = await connect(url, { prefix });
const left = createQueue({ redis: elsewhere, ...exporting });
const record = await left.get(id);
console.log(`the task is ${record?.state} for the next worker, ${record?.attempts} attempts burned`);
await left.obliterate();
