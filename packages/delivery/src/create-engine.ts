import {
  BackoffState,
  ClosedError,
  sleep,
  type CloseOptions,
  type CloseReport,
  type HealthReport,
} from '@lockstep/core';
import { findIn, type PartitionAccess } from './by-partition.ts';
import { ItemConsumer } from './consumer.ts';
import type { Consumer, ConsumerOptions } from './consumer-options.ts';
import { DeadItems } from './dead-letters.ts';
import type { Delivery } from './delivery.ts';
import type {
  CancelResult,
  Engine,
  EngineOptions,
  EngineStats,
  ReceiveOptions,
  SweepOptions,
  SweepReport,
} from './engine.ts';
import { engineHealth } from './engine-health.ts';
import { assertItem, Enqueuer } from './enqueuer.ts';
import type { EnqueueResult, ItemDetails, ItemState, ItemView, NewItem, Outcome } from './item.ts';
import { Lanes, type Lane } from './lanes.ts';
import { listItems } from './listing.ts';
import { assertDelay, resolveOptions, type ResolvedEngineOptions } from './options.ts';
import { Outcomes } from './outcomes.ts';
import { purgeItems } from './purge.ts';
import { Receiver } from './receiver.ts';
import { detailsOf } from './record.ts';
import { Renewals } from './renewals.ts';
import { ItemIds, partitionOf } from './routing.ts';
import { Settler } from './settler.ts';
import { sumStats } from './sum-stats.ts';
import { Store } from './store.ts';
import { sweepAll } from './sweeping.ts';

/** Makes an engine. No I/O. Throws `ConfigurationError` for a bad option. */
export function createEngine(options: EngineOptions): Engine {
  return new ItemEngine(resolveOptions(options));
}

/** A partition and what batches its calls. */
interface PartitionParts extends PartitionAccess {
  readonly enqueuer: Enqueuer;
  readonly enqueueLanes: Lanes;
  /** For turns that no consumer takes. */
  readonly turnLanes: Lanes;
}

class ItemEngine implements Engine {
  readonly name: string;
  readonly partitions: number;
  readonly deadLetters: DeadItems;
  readonly #options: ResolvedEngineOptions;
  readonly #source: string;
  readonly #parts: readonly PartitionParts[];
  readonly #renewals: Renewals;
  readonly #receiver: Receiver;
  readonly #outcomes: Outcomes;
  readonly #ids: ItemIds;
  readonly #consumers = new Set<ItemConsumer>();
  readonly #closed = new AbortController();
  readonly #since: number;
  readonly #unregister: () => void;
  #closing: Promise<CloseReport> | undefined;

  constructor(options: ResolvedEngineOptions) {
    const { redis, kind, name, visibilityMs } = options;
    this.#options = options;
    this.name = name;
    this.partitions = options.partitions;
    this.#ids = new ItemIds(options.redis.random, options.partitions);
    this.#source = `${kind} ${name}`;
    this.#since = redis.clock.now();
    this.#parts = Array.from({ length: options.partitions }, (_, index) => this.#createPartition(index));
    const stores = this.#parts.map(({ store }) => store);
    const lanes = this.#parts.map(({ turnLanes }) => turnLanes);
    this.#renewals = new Renewals({
      clock: redis.clock,
      source: this.#source,
      stores,
      commandTimeoutMs: redis.commandTimeoutMs,
      onError: options.onError,
    });
    const settlers = stores.map((store, index) => new Settler(store, lanes[index]!));
    const { renewals, source } = { renewals: this.#renewals, source: this.#source };
    this.#receiver = new Receiver({ redis, source, stores, lanes, settlers, renewals, visibilityMs });
    this.#outcomes = new Outcomes(redis, stores);
    this.deadLetters = new DeadItems(this.#parts, () => this.#assertOpen());
    this.#unregister = redis.register({
      name: this.#source,
      phase: 'intake',
      close: (closeOptions) => this.close(closeOptions),
    });
  }

  createId(routeBy?: string): string {
    return this.#ids.create(routeBy);
  }

  async enqueue(items: readonly NewItem[]): Promise<readonly EnqueueResult[]> {
    this.#assertOpen();
    items.forEach(assertItem);
    if (items.length === 0) return [];
    return this.partitions === 1 ? this.#parts[0]!.enqueuer.add(items) : this.#spread(items);
  }

  consume(options: ConsumerOptions): Consumer {
    this.#assertOpen();
    const { redis, visibilityMs, onError } = this.#options;
    const consumer = new ItemConsumer(
      {
        redis,
        source: this.#source,
        stores: this.#parts.map(({ store }) => store),
        renewals: this.#renewals,
        visibilityMs,
        onError,
        isClosed: () => this.#closing !== undefined,
      },
      options,
    );
    this.#consumers.add(consumer);
    return consumer;
  }

  async receive(options: ReceiveOptions = {}): Promise<Delivery[]> {
    this.#assertOpen();
    return this.#receiver.receive(options);
  }

  async get(id: string): Promise<ItemDetails | undefined> {
    this.#assertOpen();
    return findIn(this.#parts, id, async ({ store }) => {
      const item = await store.get(id);
      return item && detailsOf(item, store.partition.index);
    });
  }

  async *list(options: {
    readonly state: ItemState;
    readonly signal?: AbortSignal | undefined;
  }): AsyncGenerator<ItemView> {
    this.#assertOpen();
    for await (const slice of listItems(this.#stores, options)) yield* slice;
  }

  async outcome(
    id: string,
    options: { readonly waitMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Outcome> {
    this.#assertOpen();
    return this.#outcomes.get(id, assertDelay('options.waitMs', options.waitMs ?? 0), options.signal);
  }

  async cancel(id: string): Promise<CancelResult> {
    this.#assertOpen();
    const result = await findIn(this.#parts, id, async ({ store, lanes }) => {
      const found = await lanes.run((caller) => store.cancel(caller, id));
      return found === 'not-found' ? undefined : found;
    });
    return result ?? 'not-found';
  }

  async pause(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.setPaused(true)));
  }

  async resume(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.setPaused(false)));
  }

  sweep(options: SweepOptions = {}): Promise<SweepReport> {
    return sweepAll(this.#stores, options);
  }

  purge(options: {
    readonly state: 'ready' | 'delayed' | 'dead' | 'kept';
    readonly olderThanMs?: number | undefined;
  }): Promise<number> {
    return purgeItems(this.#parts, this.#options.redis, options);
  }

  async obliterate(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.obliterate()));
  }

  async stats(): Promise<EngineStats> {
    return sumStats(await Promise.all(this.#stores.map((store) => store.stats())));
  }

  health(): Promise<HealthReport> {
    return engineHealth(() => this.stats(), this.#consumers, this.#since);
  }

  close(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #stores(): readonly Store[] {
    return this.#parts.map(({ store }) => store);
  }

  #createPartition(index: number): PartitionParts {
    const store = new Store(this.#options, index);
    const { id } = this.#options.redis;
    // The instance's own part: several engines of a process may be on one queue.
    const lane = `${id}.${this.#options.redis.random.id().slice(0, 8)}`;
    const turnLanes = new Lanes(`${lane}.t`, (caller) => this.#takeBack(store, caller));
    const enqueueLanes = new Lanes(`${lane}.e`);
    const enqueuer = new Enqueuer(store, enqueueLanes);
    return { store, turnLanes, enqueueLanes, lanes: new Lanes(`${lane}.a`), enqueuer };
  }

  /** Adds each item to its partition. */
  async #spread(items: readonly NewItem[]): Promise<readonly EnqueueResult[]> {
    const groups = new Map<number, { items: NewItem[]; indexes: number[] }>();
    items.forEach((item, index) => {
      const partition = partitionOf(item.routeBy ?? item.id, this.partitions);
      let group = groups.get(partition);
      if (group === undefined) groups.set(partition, (group = { items: [], indexes: [] }));
      group.items.push(item);
      group.indexes.push(index);
    });
    const results = Array.from<EnqueueResult>({ length: items.length });
    await Promise.all(
      Array.from(groups, async ([partition, group]) => {
        const added = await this.#parts[partition]!.enqueuer.add(group.items);
        group.indexes.forEach((index, at) => (results[index] = added[at]!));
      }),
    );
    return results;
  }

  /** Makes Redis undo what a call claimed that was given up, or refuse it if it is still on its way. */
  async #takeBack(store: Store, caller: Lane): Promise<void> {
    const { redis } = this.#options;
    const backoff = new BackoffState(
      { type: 'exponential', initialMs: 100, maxMs: 5_000, jitter: 'equal' },
      redis,
    );
    const request = {
      want: -1,
      waiter: '',
      armed: false,
      woken: false,
      settlementArgs: [],
    };
    for (;;) {
      try {
        await store.turn({ caller, ...request });
        return;
      } catch {
        await sleep(redis.clock, backoff.next(), { signal: this.#closed.signal, unref: true });
      }
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new ClosedError(this.#source);
  }

  /** What stays behind is forgotten by Redis in time; this is only neat, so its failure is none. */
  async #leave(): Promise<void> {
    await Promise.allSettled(
      this.#parts.map(async ({ store, turnLanes, lanes, enqueueLanes }) => {
        const callers = [turnLanes, lanes, enqueueLanes].flatMap(({ settledIds }) => settledIds);
        if (callers.length > 0) await store.leave(callers, '');
      }),
    );
  }

  async #close(options: CloseOptions): Promise<CloseReport> {
    this.#outcomes.wakeAll();
    const [received, ...reports] = await Promise.all([
      this.#receiver.close(),
      ...Array.from(this.#consumers, (consumer) => consumer.stop(options)),
    ]);
    await this.#leave();
    this.#closed.abort(new ClosedError(this.#source));
    this.#renewals.close();
    this.#unregister();
    const sum = (field: 'finished' | 'returned' | 'aborted'): number =>
      reports.reduce((total, report) => total + report[field], 0);
    return {
      name: this.#source,
      finished: sum('finished'),
      returned: sum('returned') + received.returned,
      aborted: sum('aborted'),
      errors: [...received.errors, ...reports.flatMap(({ errors }) => errors)],
    };
  }
}
