import BeeQueue from 'bee-queue';
import { payload, type Contender } from './contender.ts';

export const beeQueue: Contender = {
  name: 'bee-queue',
  async open(url, queueName) {
    const settings = {
      redis: url as never,
      storeJobs: false,
      getEvents: false,
      sendEvents: false,
      removeOnSuccess: true,
    };
    const queue = new BeeQueue(queueName, { ...settings, isWorker: false });
    await queue.ready();
    const workers: BeeQueue[] = [];
    return {
      add: () => queue.createJob(payload).save(),
      addMany: (count) => queue.saveAll(Array.from({ length: count }, () => queue.createJob(payload))),
      async prepareWorker(concurrency, onTask) {
        const worker = new BeeQueue(queueName, settings);
        workers.push(worker);
        await worker.ready();
        return { run: () => worker.process(concurrency, async () => onTask()) };
      },
      async close() {
        // Waits for nothing: what is left belongs to a queue nobody will open again.
        await Promise.all(workers.map((worker) => worker.close(1).catch(() => {})));
        await queue.destroy();
        await queue.close();
      },
    };
  },
};
