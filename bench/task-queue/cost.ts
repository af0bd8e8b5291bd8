import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { atMost, type Bar, type Benchmark, type Table } from '../src/benchmark.ts';
import { commandCost, type CommandCost } from '../src/commandstats.ts';
import { connectionIds, connectionsSince, dataBytes } from '../src/footprint.ts';
import { short } from '../src/format.ts';
import { ours, withQueue, type Contender, type OpenQueue } from './contender.ts';
import { contenders } from './contenders.ts';

/** What a contender costs Redis. Counts, not times: they do not depend on the machine. */
interface Cost {
  readonly name: string;
  readonly taskAtOne: CommandCost;
  readonly taskAtHundred: CommandCost;
  readonly bytesPerTask: number;
  readonly connections: number;
  readonly idlePerSecond: number;
}

const tasks = 2_000;
const waiting = 10_000;
const workers = 10;
const idleMs = 20_000;

export const costBenchmark: Benchmark = {
  async run({ server }) {
    const redis = new Redis(server.url);
    try {
      const costs: Cost[] = [];
      for (const contender of contenders) costs.push(await costOf(contender, server.url, redis));
      return [table(costs)];
    } finally {
      redis.disconnect();
    }
  },
};

async function costOf(contender: Contender, url: string, redis: Redis): Promise<Cost> {
  const inQueue = <T>(use: (queue: OpenQueue) => Promise<T>): Promise<T> => withQueue(contender, url, use);
  const before = await connectionIds(redis);
  return {
    name: contender.name,
    taskAtOne: await inQueue((queue) => lifeOfTasks(redis, queue, 1)),
    taskAtHundred: await inQueue((queue) => lifeOfTasks(redis, queue, 100)),
    bytesPerTask: await inQueue((queue) => bytesPerWaitingTask(redis, queue)),
    connections: await inQueue((queue) => connectionsOfWorkers(redis, queue, before)),
    idlePerSecond: await inQueue((queue) => idleCommands(redis, queue)),
  };
}

/** Commands per task from `add` to settled: adding one by one, then a worker on the backlog. */
function lifeOfTasks(redis: Redis, queue: OpenQueue, concurrency: number): Promise<CommandCost> {
  return commandCost(redis, tasks, async () => {
    for (let added = 0; added < tasks; added += 1) await queue.add();
    await handleAll(queue, concurrency);
    // The last settlements are on their way when the last handler is called.
    await sleep(200);
  });
}

async function handleAll(queue: OpenQueue, concurrency: number): Promise<void> {
  let handled = 0;
  let finish: () => void;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const worker = await queue.prepareWorker(concurrency, () => {
    handled += 1;
    if (handled === tasks) finish();
  });
  worker.run();
  await finished;
}

async function bytesPerWaitingTask(redis: Redis, queue: OpenQueue): Promise<number> {
  await queue.add();
  const before = await dataBytes(redis);
  for (let added = 0; added < waiting; added += 1_000) await queue.addMany(1_000);
  return ((await dataBytes(redis)) - before) / waiting;
}

async function connectionsOfWorkers(
  redis: Redis,
  queue: OpenQueue,
  before: ReadonlySet<string>,
): Promise<number> {
  await runWorkers(queue);
  return connectionsSince(redis, before);
}

async function idleCommands(redis: Redis, queue: OpenQueue): Promise<number> {
  await runWorkers(queue);
  const { executed } = await commandCost(redis, idleMs / 1_000, () => sleep(idleMs));
  return executed / workers;
}

async function runWorkers(queue: OpenQueue): Promise<void> {
  for (let n = 0; n < workers; n += 1) (await queue.prepareWorker(1, () => {})).run();
  await sleep(500);
}

function table(costs: readonly Cost[]): Table {
  return {
    title: 'What a task costs Redis',
    columns: [
      '',
      'commands executed, c=1',
      'c=100',
      'sent, c=1',
      'c=100',
      'bytes waiting',
      `connections, ${workers} workers`,
      'commands/s of an idle worker',
    ],
    rows: costs.map((cost) => [
      cost.name,
      short(cost.taskAtOne.executed),
      short(cost.taskAtHundred.executed),
      short(cost.taskAtOne.sent),
      short(cost.taskAtHundred.sent),
      short(cost.bytesPerTask),
      short(cost.connections),
      short(cost.idlePerSecond),
    ]),
    bars: bars(costs.find(({ name }) => name === ours)!),
    data: costs,
  };
}

function bars({ taskAtOne, taskAtHundred, bytesPerTask, connections }: Cost): Bar[] {
  return [
    atMost('commands executed per task <= 22 at c=1', 22, toTenths(taskAtOne.executed), short),
    atMost('commands executed per task <= 14 at c=100', 14, toTenths(taskAtHundred.executed), short),
    atMost('<= 400 bytes per waiting task', 400, bytesPerTask, short),
    atMost('2 connections per process', 2, connections, short),
  ];
}

/** What a worker executes once, when it starts, shows in the third decimal. */
function toTenths(commands: number): number {
  return Math.round(commands * 10) / 10;
}
