import { sleep, type Clock } from '@lockstep/core';
import { connect, type RedisOptions } from '@lockstep/redis';
import { memoryFaults } from '@lockstep/redis/memory';
import { createPaymentWorker, ProviderLink, type FlakyProvider } from '@lockstep-shop/payments';
import type { Victim } from './victim.ts';

export interface MemoryVictimOptions {
  readonly url: string;
  readonly redisOptions: RedisOptions;
  readonly name: string;
  readonly concurrency: number;
  readonly latencyMs: number;
  readonly provider: FlakyProvider;
  readonly clock: Clock;
  readonly random: () => number;
}

/** How long others have for taking over what it held: its leases, and some time to get round to it. */
const takeOverMs = 30_000;

/**
 * On memory:// all workers live in this process, where none can be killed. This one is cut off instead, as a machine is
 * that stops: it neither renews nor settles, and its way to the provider freezes. When the others have its orders it
 * thaws, and sends what it had begun, too late.
 */
export async function startMemoryVictim(options: MemoryVictimOptions): Promise<Victim> {
  const { name, clock, provider } = options;
  const redis = await connect(options.url, options.redisOptions);
  const link = new ProviderLink(options);
  const worker = createPaymentWorker({ redis, provider: link, name, concurrency: options.concurrency });
  await worker.start();
  const requestsFor = (orderId: string): number => provider.ledger.find(orderId)?.requests ?? 0;
  /** What it held when it was cut off, and how many requests the provider had seen for each. */
  let held: readonly (readonly [orderId: string, requests: number])[] = [];
  const areTakenOver = (): boolean => held.every(([orderId, requests]) => requestsFor(orderId) > requests);
  let buried: Promise<void> | undefined;
  const bury = async (): Promise<void> => {
    const deadline = clock.monotonic() + takeOverMs;
    while (!areTakenOver() && clock.monotonic() < deadline) await sleep(clock, 50);
    link.thaw();
    const stopped = worker.stop({ drainMs: 1_000, abortMs: 500 });
    // What it reports now comes with leases that are over, and is refused.
    memoryFaults(redis).reconnect();
    await stopped;
    await redis.close();
  };
  return {
    name,
    // A request that has not arrived will arrive too late, and show what the fencing token is for.
    isBusy: () => link.outbound > 0,
    async kill() {
      memoryFaults(redis).disconnect();
      link.freeze();
      held = [...link.onTheWay].map((orderId) => [orderId, requestsFor(orderId)]);
      return `is cut off from Redis and from the provider with ${held.length} payments under way`;
    },
    bury: () => (buried ??= bury()),
  };
}
