import { join } from 'node:path';
import { connect, type Redis } from '@lockstep/redis';
import { createQueue, type Queue } from '@lockstep/task-queue';
import { startProcess, type QueueProcess } from './child-process.ts';
import { PickupLog, type WorkerSign } from './pickup-log.ts';
import { stormQueue } from './queues.ts';
import { silentLogger } from './silent-logger.ts';
import { startSleepingWorker } from './sleeping-worker.ts';

const queueName = 'ears';
/** Longer than the longest slow poll, which is then 5 s and never hides within a bound of 2 s. */
const leaseMs = 30_000;

const options = { logger: silentLogger, commandTimeoutMs: 4_000 };

/** One worker, and a producer on a connection of its own; tells what woke the worker. */
export class PickupWatch implements AsyncDisposable {
  readonly log: PickupLog;
  readonly producer: Queue<ReturnType<typeof stormQueue>['tasks']>;
  /** The list of sleeping workers. */
  readonly waitersKey: string;
  /** The worker's, where it has one of its own. */
  readonly process: QueueProcess | undefined;
  readonly #connections: readonly Redis[];

  private constructor(
    log: PickupLog,
    producer: Redis,
    worker: { readonly redis?: Redis; readonly process?: QueueProcess },
  ) {
    this.log = log;
    this.process = worker.process;
    this.#connections = worker.redis === undefined ? [producer] : [worker.redis, producer];
    this.producer = createQueue({ redis: producer, ...stormQueue(queueName, leaseMs) });
    this.waitersKey = producer.keyspace('queue', queueName, 0).key('waiters');
  }

  /** The worker is in this process. */
  static async open(url: string): Promise<PickupWatch> {
    const [redis, producer] = await Promise.all([connect(url, options), connect(url, options)]);
    const log = new PickupLog();
    await startSleepingWorker(redis, queueName, leaseMs, (sign) => log.add(sign));
    return new PickupWatch(log, producer, { redis });
  }

  /** The worker is a process that can be frozen. */
  static async openProcess(url: string, folder: string): Promise<PickupWatch> {
    const log = new PickupLog();
    const process = await startProcess({
      role: 'sleeping',
      name: 'sleeper',
      url,
      queue: queueName,
      historyFile: join(folder, 'sleeper.ndjson'),
      leaseMs,
      concurrency: 10,
    });
    process.onMessage((message) => {
      if (typeof message === 'object') log.add(message as WorkerSign);
    });
    await process.ready;
    return new PickupWatch(log, await connect(url, options), { process });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process?.kill();
    await Promise.all(this.#connections.map((redis) => redis.close()));
  }
}
