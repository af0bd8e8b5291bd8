import { systemClock } from '@lockstep/core';
import { connect, type Redis } from '@lockstep/redis';
import { createQueue, type Queue } from '@lockstep/task-queue';
import { machineNow } from './machine-clock.ts';
import { stormQueue } from './queues.ts';
import { silentLogger } from './silent-logger.ts';

/**
 * What made a sleeping worker look: its bell, the connection that came back, or nothing but the slow poll behind both.
 */
export type Waker = 'doorbell' | 'reconnect' | 'poll';

export interface Pickup {
  readonly id: string;
  /** When its handler began, on the machine's clock. */
  readonly at: number;
}

const queueName = 'ears';
/** Longer than the longest slow poll, which is then 5 s and never hides within a bound of 2 s. */
const leaseMs = 30_000;

/** One worker in this process, and a producer on a connection of its own; tells what woke the worker. */
export class PickupWatch implements AsyncDisposable {
  readonly producer: Queue<ReturnType<typeof stormQueue>['tasks']>;
  /** The list of sleeping workers. */
  readonly waitersKey: string;
  readonly #connections: readonly Redis[];
  readonly #pickups = new Map<string, Pickup>();
  readonly #waiting = new Map<string, (pickup: Pickup) => void>();
  #bells: number[] = [];
  #reconnects: number[] = [];

  private constructor(worker: Redis, producer: Redis) {
    this.#connections = [worker, producer];
    this.producer = createQueue({ redis: producer, ...stormQueue(queueName, leaseMs) });
    this.waitersKey = worker.keyspace('queue', queueName, 0).key('waiters');
    for (const event of ['up', 'gap', 'failover'] as const)
      worker.on(event, () => void this.#reconnects.push(machineNow()));
  }

  static async open(url: string): Promise<PickupWatch> {
    const options = { logger: silentLogger, commandTimeoutMs: 4_000 };
    const [worker, producer] = await Promise.all([connect(url, options), connect(url, options)]);
    const watch = new PickupWatch(worker, producer);
    await watch.#start(worker);
    return watch;
  }

  /** Resolves when the task's handler begins. */
  pickup(id: string, timeoutMs: number): Promise<Pickup> {
    const known = this.#pickups.get(id);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = systemClock.setTimer(
        () => reject(new Error(`${id} was not picked up in ${timeoutMs} ms`)),
        timeoutMs,
      );
      this.#waiting.set(id, (pickup) => (timer.cancel(), resolve(pickup)));
    });
  }

  /** What happened from `since` on until the pickup. A bell counts first: it tells of the task itself. */
  waker(since: number, { at }: Pickup): Waker {
    const within = (time: number): boolean => time >= since && time <= at;
    if (this.#bells.some(within)) return 'doorbell';
    return this.#reconnects.some(within) ? 'reconnect' : 'poll';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.map((redis) => redis.close()));
  }

  async #start(redis: Redis): Promise<void> {
    // Beside the worker's own: the process's channel may be heard by several.
    await redis.subscribe(redis.doorbell.channel, () => void this.#bells.push(machineNow())).ready;
    const queue = createQueue({ redis, ...stormQueue(queueName, leaseMs) });
    const worker = queue.worker({
      handlers: {
        work: (_, { id }) => {
          const pickup = { id, at: machineNow() };
          this.#pickups.set(id, pickup);
          this.#waiting.get(id)?.(pickup);
        },
      },
    });
    await worker.start();
    await redis.doorbell.ready;
  }
}
