import { Queue, Worker } from 'bullmq';
import { bullmq as name, payload, type Contender } from './contender.ts';

export const bullmq: Contender = {
  name,
  async open(url, queueName) {
    const { hostname, port } = new URL(url);
    const connection = { host: hostname, port: Number(port) };
    const defaultJobOptions = { removeOnComplete: true, removeOnFail: true };
    const queue = new Queue(queueName, { connection, defaultJobOptions });
    await queue.waitUntilReady();
    const workers: Worker[] = [];
    const job = { name: 'echo', data: payload };
    return {
      add: () => queue.add('echo', payload),
      addMany: (count) => queue.addBulk(Array.from({ length: count }, () => job)),
      async prepareWorker(concurrency, onTask) {
        const worker = new Worker(queueName, async () => onTask(), {
          connection,
          concurrency,
          autorun: false,
        });
        worker.on('error', () => {});
        workers.push(worker);
        await worker.waitUntilReady();
        return { run: () => void worker.run() };
      },
      async close() {
        await Promise.all(workers.map((worker) => worker.close(true)));
        await queue.obliterate({ force: true });
        await queue.close();
      },
    };
  },
};
