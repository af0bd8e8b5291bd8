import { abortable, systemClock, type Clock, type Logger } from '@lockstep/core';
import { createRedis, type Redis } from '@lockstep/redis';
import { createQueue, type Queue } from '@lockstep/task-queue';
import { payments } from '@lockstep-shop/contracts';
import { readLines } from '@lockstep-shop/gateway';
import { OrderBook, PaymentRequests, takeOrders } from '@lockstep-shop/orders';
import {
  ChargeLedger,
  createPaymentWorker,
  FlakyProvider,
  ProviderLink,
  type FlakyProviderOptions,
} from '@lockstep-shop/payments';
import { accident } from './accident.ts';
import { closeBooks, type Books } from './books.ts';
import type { ShopArguments } from './command-line.ts';
import { readDeadLetters, reviewDeadLetters } from './dead-letter-review.ts';
import { startMemoryVictim } from './memory-victim.ts';
import type { Output } from './output.ts';
import { startProcessVictim } from './process-victim.ts';
import { showProgress } from './progress.ts';
import { QueueWatch } from './queue-watch.ts';
import type { Victim } from './victim.ts';

export interface ShopOptions extends Omit<ShopArguments, 'input'> {
  readonly input: AsyncIterable<Buffer>;
  readonly url: string;
  /** Stands before every key of this run. */
  readonly prefix: string;
  readonly output: Output;
  readonly logger: Logger;
  /** Redis answers: from here on it is worth saying something. */
  onConnected(): void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

/** The bank that is away for the first part of the day. */
const awayBank = 'northwind-bank';
/** Orders that may be open at once; more wait in the input, so that its size does not matter to Redis. */
const mostOpen = 5_000;
const connectMs = 5_000;
const staleShown = 3;

/** One day of the shop, from the first order to the closing of the books. */
export async function runShop(options: ShopOptions): Promise<Books> {
  await using redis = createRedis(options.url, connectionOptions(options));
  await redis.ready({ timeoutMs: connectMs, signal: options.signal });
  options.onConnected();
  const shop = await openShop(redis, options);
  try {
    return await spendTheDay(shop, options);
  } finally {
    shop.close();
    await shop.progress;
    // A run leaves nothing behind, however it ended; a Redis that is away leaves no choice.
    await shop.queue.obliterate().catch(() => {});
  }
}

function connectionOptions({ prefix, logger }: ShopOptions) {
  return { prefix, logger };
}

interface Shop {
  readonly clock: Clock;
  readonly queue: Queue<(typeof payments)['tasks']>;
  readonly book: OrderBook;
  readonly provider: FlakyProvider;
  readonly watch: QueueWatch;
  readonly progress: Promise<void>;
  readonly signal: AbortSignal;
  close(): void;
}

async function openShop(redis: Redis, { output, seed, signal }: ShopOptions): Promise<Shop> {
  const clock = systemClock;
  const closing = new AbortController();
  const until = AbortSignal.any([signal, closing.signal]);
  const ledger = new ChargeLedger();
  const book = new OrderBook(({ line, reason }) => output.line(`line ${line} rejected: ${reason}`));
  const provider = new FlakyProvider({
    ledger,
    seed,
    outage: [awayBank],
    onStale: staleReporter(output),
  });
  const queue = createQueue({ redis, ...payments });
  const watch = await QueueWatch.start({ stats: () => queue.stats(), clock, signal: until });
  const progress = showProgress({ output, book, ledger, watch, clock, signal: until });
  return { clock, queue, book, provider, watch, progress, signal: until, close: () => closing.abort() };
}

/** Shows how the fencing token works; after a few it is clear, and the closing table has their number. */
function staleReporter(output: Output): FlakyProviderOptions['onStale'] {
  let shown = 0;
  return ({ orderId, worker, fencingToken }, { newestWorker, newestToken }) => {
    shown += 1;
    if (shown > staleShown) return;
    const last = shown === staleShown ? ' (more of these are only counted)' : '';
    output.line(
      `the provider refuses ${worker} the charge of ${orderId}: token ${fencingToken}, but ${newestWorker} came with ${newestToken}${last}`,
    );
  };
}

async function spendTheDay(shop: Shop, options: ShopOptions): Promise<Books> {
  const { book, provider, queue, watch, clock } = shop;
  const { output } = options;
  const done = new AbortController();
  const victim = await startVictim(shop, options);
  const workers = new Set<Redis>();
  try {
    await startWorkers(shop, options, workers);
    const killed = accident({ victim, book, ledger: provider.ledger, output, clock, done: done.signal });
    await abortable(Promise.race([takeAll(shop, options), failureOf(killed)]), shop.signal);
    await watch.settled();
    done.abort();
    if (!(await killed)) output.line(`${victim.name} was not killed: there was too little to do`);
    await watch.settled();
    const redriven = await reviewDeadLetters(queue, provider, output);
    if (redriven.size > 0) await watch.settled();
    return closeBooks({
      book,
      ledger: provider.ledger,
      deadLetters: await readDeadLetters(queue),
      redriven,
      stats: watch.latest,
    });
  } finally {
    done.abort();
    await Promise.all([...workers].map((redis) => redis.close({ drainMs: 1_000, abortMs: 500 })));
    await victim.bury();
  }
}

async function failureOf(promise: Promise<unknown>): Promise<never> {
  await promise;
  return new Promise(() => {});
}

function takeAll({ book, clock, watch, signal, queue }: Shop, { input }: ShopOptions): Promise<void> {
  const isRoom = (): boolean => book.accepted - watch.latest.completed - watch.latest.dead <= mostOpen;
  return takeOrders({
    lines: readLines(input),
    book,
    requests: new PaymentRequests({ queue, clock, signal }),
    room: async () => {
      if (!isRoom()) await watch.until(isRoom);
    },
  });
}

/** Each worker has a connection of its own, as a service has; they are added to `opened`. */
async function startWorkers(shop: Shop, options: ShopOptions, opened: Set<Redis>): Promise<void> {
  for (let number = 1; number < options.workers; number += 1) {
    const redis = createRedis(options.url, connectionOptions(options));
    opened.add(redis);
    const provider = new ProviderLink(linkOptions(shop, options));
    const { concurrency } = options;
    await createPaymentWorker({ redis, provider, name: `payments-${number}`, concurrency }).start();
  }
}

function startVictim(shop: Shop, options: ShopOptions): Promise<Victim> {
  const { url, prefix, workers, concurrency } = options;
  const common = { url, name: `payments-${workers}`, concurrency, ...linkOptions(shop, options) };
  if (!url.startsWith('memory:')) return startProcessVictim({ ...common, prefix });
  return startMemoryVictim({ ...common, redisOptions: connectionOptions(options) });
}

function linkOptions({ provider, clock }: Shop, { latencyMs }: ShopOptions) {
  return { provider, clock, latencyMs, random: Math.random };
}
