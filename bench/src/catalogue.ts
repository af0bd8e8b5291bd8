import type { Benchmark } from './benchmark.ts';

interface Entry {
  readonly summary: string;
  /** Loaded when it is run: the rivals take a while to load. */
  load(): Promise<Benchmark>;
}

export const benchmarks: Readonly<Record<string, Entry>> = {
  'redis/script-overhead': {
    summary: 'redis.run against a bare client.evalsha of the same script',
    load: async () => (await import('../redis/script-overhead.ts')).scriptOverhead,
  },
  'task-queue/process': {
    summary: 'working off a backlog at concurrency 1, 10 and 100, against bullmq and bee-queue',
    load: async () => (await import('../task-queue/process.ts')).processBenchmark,
  },
  'task-queue/add': {
    summary: 'adding one by one, 100 in flight and in bulk, against bullmq and bee-queue',
    load: async () => (await import('../task-queue/add.ts')).addBenchmark,
  },
  'task-queue/pickup': {
    summary: 'how fast an idle worker picks a task up, against bullmq and bee-queue',
    load: async () => (await import('../task-queue/pickup.ts')).pickupBenchmark,
  },
  'task-queue/cost': {
    summary: 'commands, bytes and connections per task, against bullmq and bee-queue',
    load: async () => (await import('../task-queue/cost.ts')).costBenchmark,
  },
  'task-queue/backlog': {
    summary: 'adding and working with 1,000,000 waiting against 1,000',
    load: async () => (await import('../task-queue/backlog.ts')).backlogBenchmark,
  },
  'lock/uncontended': {
    summary: 'acquire and release, alone and 50 in flight, against redlock and redis-semaphore',
    load: async () => (await import('../lock/uncontended.ts')).uncontended,
  },
  'lock/handoff': {
    summary:
      '50 waiters on one lock: drained, handed on, in order, at what cost; against redlock and redis-semaphore',
    load: async () => (await import('../lock/handoff.ts')).handoff,
  },
  'lock/renewal': {
    summary: 'calls to keep 1,000 locks, against redis-semaphore',
    load: async () => (await import('../lock/renewal.ts')).renewal,
  },
};
