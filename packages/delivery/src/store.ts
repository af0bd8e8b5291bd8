import { ConfigurationError, LayoutTooNewError, RedisCommandError } from '@lockstep/core';
import { keyList, type KeyList, type Script, type ScriptArgument } from '@lockstep/redis';
import type { ItemState } from './item.ts';
import { bucketOf, createPartition, layout, type Partition } from './keys.ts';
import type { Lane } from './lanes.ts';
import { calmStart } from './lua/meta.ts';
import type { ResolvedEngineOptions } from './options.ts';
import { cancel, type CancelReply } from './scripts/cancel.ts';
import { drop } from './scripts/drop.ts';
import { enqueue, type EnqueueReply } from './scripts/enqueue.ts';
import { leave } from './scripts/leave.ts';
import { loadNote, saveNote } from './scripts/notes.ts';
import { obliterate } from './scripts/obliterate.ts';
import { forgetWaiter, outcome, type OutcomeReply } from './scripts/outcome.ts';
import { setPaused } from './scripts/pause.ts';
import { getItem, listItems, type ListSlice, type StoredDetails } from './scripts/read.ts';
import { redrive } from './scripts/redrive.ts';
import type { Refusal } from './scripts/refusal.ts';
import { renew, type RenewalOutcome } from './scripts/renew.ts';
import { readStats, type PartitionStats } from './scripts/stats.ts';
import { sweep, type SweepReply } from './scripts/sweep.ts';
import { turn, type TurnReply } from './scripts/turn.ts';

/** An item as the enqueue script takes it: the level's letter, and the options of its spec or nothing. */
export interface EnqueuedItem {
  readonly id: string;
  readonly level: string;
  readonly options: string;
  readonly body: string;
}

/** What a turn asks for; see the script. */
export interface TurnRequest {
  readonly caller: Lane;
  readonly want: number;
  /** Overrides the items' own visibility. */
  readonly visibilityMs?: number | undefined;
  readonly waiter: string;
  readonly armed: boolean;
  readonly woken: boolean;
  /** The settlements' arguments, flat. */
  readonly settlementArgs: readonly ScriptArgument[];
}

/** See the script. */
export interface RenewalOptions {
  readonly shorten?: boolean | undefined;
  readonly seenAgain?: boolean | undefined;
}

/** The letter of the n-th key behind the named ones, counted from 1. */
function keyLetter(n: number): string {
  return String.fromCharCode(96 + n);
}

/** One partition's scripts with their arguments filled in and refusals turned into errors. */
export class Store {
  readonly partition: Partition;
  readonly #options: ResolvedEngineOptions;
  readonly #base: { readonly calm: string };
  readonly #turnKeys: KeyList;
  readonly #calmTurn: string;
  readonly #settings: string;

  constructor(options: ResolvedEngineOptions, index: number) {
    this.#options = options;
    this.partition = createPartition(options.redis, options.kind, options.name, index);
    const { maxDeliveries, lowerShare, keepOutcomesMs, redis } = options;
    const calm = calmStart(layout, options.partitions);
    this.#base = { calm };
    // A turn that has cancellations, waiters or tombstones to look after is not quick.
    this.#calmTurn = `${calm}0 0 0 `;
    this.#turnKeys = keyList(turn, this.partition.keys, this.partition.items);
    this.#settings = `${maxDeliveries} ${lowerShare} ${keepOutcomesMs} ${redis.doorbell.channel}`;
  }

  async enqueue(caller: Lane, items: readonly EnqueuedItem[]): Promise<EnqueueReply['results']> {
    const { partition } = this;
    const restKeys: string[] = [];
    const letters: string[] = [];
    const restArgs: string[] = [];
    for (const { id, level, options, body } of items) {
      const bucket = bucketOf(id);
      // Most calls add one item: they declare one hash.
      const letter = (letters[bucket] ??= keyLetter(restKeys.push(partition.items[bucket]!)));
      restArgs.push(id, level + letter + options, body);
    }
    const args = {
      calm: this.#base.calm,
      caller: caller.id,
      seq: caller.seq,
      max_pending: this.#options.maxPending,
    };
    const keys = partition.keys;
    return this.#accept(await this.#options.redis.run(enqueue, keys, args, { restKeys, restArgs })).results;
  }

  async turn(request: TurnRequest): Promise<TurnReply> {
    const { caller, visibilityMs } = request;
    const args = {
      calm: this.#calmTurn,
      caller: caller.id,
      seq: caller.seq,
      acked: caller.acked,
      want: request.want,
      lease_ms: visibilityMs ?? this.#options.visibilityMs,
      waiter: request.waiter,
      flags:
        (request.armed ? '1' : '0') + (request.woken ? '1' : '0') + (visibilityMs === undefined ? '0' : '1'),
      settings: this.#settings,
    };
    const { redis } = this.#options;
    const restArgs = request.settlementArgs;
    return this.#accept(await redis.run(turn, this.#turnKeys, args, { restArgs }));
  }

  /** `leases` is id, token and length of each, flat. */
  async renew(
    leases: readonly ScriptArgument[],
    timeoutMs: number,
    { shorten = false, seenAgain = false }: RenewalOptions = {},
  ): Promise<readonly RenewalOutcome[]> {
    const args = { ...this.#base, shorten: shorten ? 1 : 0, seen_again: seenAgain ? 1 : 0 };
    return this.#accept(await this.#run(renew, args, leases, timeoutMs)).outcomes;
  }

  saveNote(id: string, token: number, field: string, value: string): Promise<boolean> {
    return this.#run(saveNote, { id, token, field, value });
  }

  loadNote(id: string, field: string): Promise<string | undefined> {
    return this.#run(loadNote, { id, field });
  }

  async cancel(caller: Lane, id: string): Promise<CancelReply['result']> {
    const args = {
      ...this.#base,
      caller: caller.id,
      seq: caller.seq,
      id,
      keep_ms: this.#options.keepOutcomesMs,
    };
    return this.#accept(await this.#run(cancel, args)).result;
  }

  async drop(caller: Lane, state: ItemState, ids: readonly string[]): Promise<readonly boolean[]> {
    const args = { ...this.#base, caller: caller.id, seq: caller.seq, state };
    return this.#accept(await this.#run(drop, args, ids)).dropped;
  }

  async redrive(caller: Lane, delayMs: number, ids: readonly string[]): Promise<readonly boolean[]> {
    const args = { ...this.#base, caller: caller.id, seq: caller.seq, delay_ms: delayMs };
    return this.#accept(await this.#run(redrive, args, ids)).redriven;
  }

  async sweep(
    limits: { deadAgeMs: number; deadMax: number; keptMax: number },
    limit: number,
  ): Promise<SweepReply> {
    const args = {
      ...this.#base,
      keep_ms: this.#options.keepOutcomesMs,
      max_deliveries: this.#options.maxDeliveries,
      dead_age: limits.deadAgeMs,
      dead_max: limits.deadMax,
      kept_max: limits.keptMax,
      limit,
    };
    return this.#accept(await this.#run(sweep, args));
  }

  async setPaused(paused: boolean): Promise<void> {
    this.#accept(await this.#run(setPaused, { ...this.#base, to: paused ? 1 : 0 }));
  }

  async outcome(id: string, waiter: string): Promise<Exclude<OutcomeReply, Refusal>> {
    return this.#accept(await this.#run(outcome, { ...this.#base, id, waiter }));
  }

  async forgetWaiter(id: string, waiter: string): Promise<void> {
    this.#accept(await this.#run(forgetWaiter, { ...this.#base, id, waiter }));
  }

  async get(id: string): Promise<StoredDetails | undefined> {
    const found = await this.#run(getItem, { id });
    return found && { id, ...found };
  }

  list(
    place: string,
    args: { kind: ItemState; from: string | number; skip: number; limit: number; bytes: number },
  ): Promise<ListSlice> {
    const { redis } = this.#options;
    return redis.run(listItems, { place }, args, { restKeys: this.partition.items });
  }

  stats(): Promise<PartitionStats> {
    return this.#run(readStats, {});
  }

  leave(callers: readonly string[], waiter: string): Promise<void> {
    return this.#run(leave, { waiter }, callers);
  }

  obliterate(): Promise<void> {
    const [meta, ...others] = this.partition.all;
    return this.#options.redis.run(obliterate, { meta: meta! }, {}, { restKeys: others });
  }

  #run<Key extends string, Arg extends string, Reply>(
    script: Script<Key, Arg, Reply>,
    args: Readonly<Record<Arg, ScriptArgument>>,
    restArgs?: readonly ScriptArgument[],
    timeoutMs?: number,
  ): Promise<Reply> {
    const keys = this.partition.keys as unknown as Readonly<Record<Key, string>>;
    return this.#options.redis.run(script, keys, args, {
      restKeys: this.partition.items,
      restArgs,
      timeoutMs,
    });
  }

  #accept<Reply>(reply: Reply | Refusal): Exclude<Reply, Refusal> {
    const { status } = reply as { status: unknown };
    if (status === 'too-new' || status === 'partitions' || status === 'superseded')
      this.#refuse(reply as Refusal);
    return reply as Exclude<Reply, Refusal>;
  }

  #refuse(refusal: Refusal): never {
    const { kind, name, partitions } = this.#options;
    const what = `${kind} ${name}`;
    switch (refusal.status) {
      case 'too-new':
        throw new LayoutTooNewError({ what, found: refusal.found, known: layout });
      case 'partitions': {
        const rule = `must be ${refusal.found}, which ${what} was first used with`;
        throw new ConfigurationError('options.partitions', rule, partitions);
      }
      case 'superseded':
        throw new RedisCommandError(`${what}: a late copy of a call was refused`);
    }
  }
}
