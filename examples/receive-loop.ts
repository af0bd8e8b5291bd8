import { connect } from '@lockstep/redis';
import { createQueue, task } from '@lockstep/task-queue';
import { z } from 'zod';

await using redis = await connect(process.env['REDIS_URL'] ?? 'memory://receive', { prefix: 'receive:' });
const queue = createQueue({
  redis,
  name: 'uploads',
  tasks: {
    'image.resize': task({ input: z.object({ file: z.string() }), output: z.object({ width: z.number() }) }),
    'file.scan': task({ input: z.object({ file: z.string() }) }),
  },
});

await queue.enqueueMany([
  { name: 'image.resize', input: { file: 'cat.png' } },
  { name: 'file.scan', input: { file: 'cat.png' } },
  { name: 'file.scan', input: { file: 'broken.zip' } },
]);

// The loop ends when nothing came for 100 ms; a service would wait longer and go round for ever.
for (;;) {
  const leases = await queue.receive({ max: 10, waitMs: 100, visibilityTimeoutMs: 5_000 });
  if (leases.length === 0) break;
  for (const lease of leases) {
    // Leaving the block without settling would give the task back.
    await using task = lease;
    if (task.name === 'image.resize') {
      await task.complete({ width: 640 });
      console.log(`resized ${task.input.file}`);
    } else if (task.input.file === 'broken.zip') {
      if (task.attempt === 1) await task.retry({ delayMs: 20, error: new Error('unreadable') });
      else await task.reject('still unreadable');
      console.log(`attempt ${task.attempt} at ${task.input.file} failed`);
    } else {
      await task.complete();
      console.log(`scanned ${task.input.file}`);
    }
  }
}

const { completed, dead } = await queue.stats();
console.log(`completed ${completed}, dead ${dead}`);
await queue.obliterate();
