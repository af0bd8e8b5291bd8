/** A task queue as the benchmarks use it: one queue with a name of its own. */
export interface OpenQueue {
  /** Adds one task with {@link payload}. */
  add(): Promise<unknown>;
  /** Adds many with the call that the library has for it. */
  addMany(count: number): Promise<unknown>;
  /**
   * A worker with its connections up that does not work yet. `onTask` is the handler: it does nothing but tell.
   * Closed with the queue.
   */
  prepareWorker(concurrency: number, onTask: () => void): Promise<PreparedWorker>;
  close(): Promise<void>;
}

export interface PreparedWorker {
  run(): void;
}

/** A library, set up so that it keeps no finished task and publishes no events nobody listens to. */
export interface Contender {
  readonly name: string;
  open(url: string, queueName: string): Promise<OpenQueue>;
}

export const ours = 'lockstep';
export const bullmq = 'bullmq';

/** 64 characters, as a task's data. */
export const payload = { text: 'x'.repeat(53) } as const;

let queues = 0;

/** Each slice gets a queue that no other has used. */
export function freshName(): string {
  queues += 1;
  return `bench-${process.pid}-${queues}`;
}

/** Opens a queue, hands it to `use`, and closes it. */
export async function withQueue<T>(
  contender: Contender,
  url: string,
  use: (queue: OpenQueue) => Promise<T>,
): Promise<T> {
  const queue = await contender.open(url, freshName());
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}
