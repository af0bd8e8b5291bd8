import fc from 'fast-check';
import type { Priority, Settlement } from '../../src/item.ts';

/** What happens to the reply of a call. */
export type Fate =
  | 'arrives'
  /** It arrives, and a copy of the call is executed after it. */
  | 'executed-twice'
  /** The connection breaks; the call is sent again. */
  | 'lost'
  /** Lost, and the caller gives up and goes on. */
  | 'given-up';

/** Lengths of time in milliseconds; undefined: not given. */
export interface ItemOptions {
  readonly delayMs?: number | undefined;
  /** From now, which may be past. */
  readonly runAtIn?: number | undefined;
  readonly expiresInMs?: number | undefined;
  readonly visibilityMs?: number | undefined;
}

/** Indexes are taken modulo what there is; every other id stands for one that the operation can do something to. */
export type Operation =
  | {
      readonly type: 'enqueue';
      readonly ids: readonly number[];
      readonly level: Priority;
      readonly options: ItemOptions;
      readonly fate: Fate;
    }
  | {
      readonly type: 'turn';
      readonly worker: number;
      /** A worker has two callers; only the first leaves a bell. */
      readonly second: boolean;
      readonly want: number;
      readonly visibilityMs: number | undefined;
      readonly sleepy: boolean;
      readonly settlements: readonly {
        readonly lease: number;
        readonly stale: boolean;
        readonly settlement: Settlement;
      }[];
      readonly fate: Fate;
    }
  | {
      readonly type: 'renew';
      readonly worker: number;
      readonly lengthMs: number;
      readonly shorten: boolean;
      readonly fate: Fate;
    }
  | {
      readonly type: 'note';
      readonly worker: number;
      readonly lease: number;
      readonly stale: boolean;
      readonly note: 'progress' | 'checkpoint';
      readonly fate: Fate;
    }
  | { readonly type: 'crash'; readonly worker: number }
  /** A turn that was answered long ago arrives once more. */
  | { readonly type: 'late-copy'; readonly worker: number; readonly second: boolean; readonly turn: number }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'cancel'; readonly id: number; readonly fate: Fate }
  | { readonly type: 'redrive'; readonly id: number; readonly delayMs: number; readonly fate: Fate }
  | {
      readonly type: 'drop';
      readonly id: number;
      readonly state: 'ready' | 'delayed' | 'dead' | 'kept';
      readonly fate: Fate;
    }
  | { readonly type: 'pause'; readonly to: boolean; readonly fate: Fate }
  | {
      readonly type: 'await' | 'stop-waiting';
      readonly id: number;
      readonly waiter: number;
      readonly fate: Fate;
    }
  | {
      readonly type: 'sweep';
      /** -1: no limit. */
      readonly deadAgeMs: number;
      readonly deadMax: number;
      readonly keptMax: number;
      readonly fate: Fate;
    };

const fates: fc.Arbitrary<Fate> = fc.constantFrom('arrives', 'arrives', 'executed-twice', 'lost', 'given-up');
const answeredFates: fc.Arbitrary<Fate> = fc.constantFrom('arrives', 'executed-twice', 'lost');
const levels: fc.Arbitrary<Priority> = fc.constantFrom('critical', 'high', 'normal', 'low');
/** Seldom all of them, so that all who are there sleep now and then. */
const worker = fc.constantFrom(0, 0, 0, 0, 1, 1, 2);

/** Odd, so that `id % 2` and `id % idCount` say different things. */
export const idCount = 5;

/** In steps: the longest time that anything lasts. A minute's retention aside, after it everything is due. */
export const longestSteps = 30;

function settlements(step: number): fc.Arbitrary<Settlement> {
  const delayMs = fc.constantFrom(0, step, 3 * step);
  return fc.oneof(
    // Of an item that was claimed once the first takes the least there is; the others erase all there may be.
    fc.constantFrom<Settlement>(
      { type: 'complete' },
      { type: 'complete' },
      { type: 'complete', keepMs: 0 },
      { type: 'complete', keepMs: 5 * step, result: 'done' },
      { type: 'complete', keepMs: 0, result: '' },
    ),
    delayMs.map((ms): Settlement => ({ type: 'retry', delayMs: ms, error: 'x' })),
    fc.constantFrom<Settlement>({ type: 'dead', reason: 'y' }, { type: 'dead', reason: 'y', error: 'x' }),
    fc.constant<Settlement>({ type: 'dead', reason: 'y' }),
    delayMs.map((ms): Settlement => ({ type: 'release', delayMs: ms })),
  );
}

function itemOptions(step: number): fc.Arbitrary<ItemOptions> {
  const plain = fc.constant<ItemOptions>({});
  const due = fc.constantFrom<ItemOptions>(
    {},
    { delayMs: step },
    { delayMs: 5 * step },
    { runAtIn: 2 * step },
    { runAtIn: -step },
  );
  const limits = fc.record({
    expiresInMs: fc.constantFrom(undefined, 2 * step, 12 * step),
    visibilityMs: fc.constantFrom(undefined, undefined, 5 * step, 20 * step),
  });
  return fc.oneof(
    plain,
    due,
    fc.tuple(due, limits).map(([when, rest]) => ({ ...when, ...rest })),
  );
}

function turns(step: number): fc.Arbitrary<Operation> {
  const settlement = fc.record({ lease: fc.nat(20), stale: fc.boolean(), settlement: settlements(step) });
  return fc.record({
    type: fc.constant('turn' as const),
    worker,
    second: fc.constantFrom(false, false, true),
    want: fc.integer({ min: -1, max: 4 }),
    visibilityMs: fc.constantFrom(undefined, undefined, undefined, 4 * step),
    sleepy: fc.constantFrom(true, true, true, false),
    settlements: fc.array(settlement, { maxLength: 4 }),
    fate: fates,
  });
}

function leaseOperations(step: number): fc.Arbitrary<Operation> {
  return fc.oneof(
    fc.record({
      type: fc.constant('renew' as const),
      worker,
      lengthMs: fc.constantFrom(2 * step, 2 * step, 10 * step, longestSteps * step),
      shorten: fc.boolean(),
      fate: answeredFates,
    }),
    fc.record({
      type: fc.constant('note' as const),
      worker,
      lease: fc.nat(20),
      stale: fc.constantFrom(false, false, true),
      note: fc.constantFrom('progress' as const, 'checkpoint' as const),
      fate: answeredFates,
    }),
    fc.record({ type: fc.constant('crash' as const), worker }),
    fc.record({
      type: fc.constant('late-copy' as const),
      worker,
      second: fc.boolean(),
      turn: fc.nat(20),
    }),
  );
}

function adminOperations(step: number, id: fc.Arbitrary<number>): fc.Arbitrary<Operation> {
  const fate = answeredFates;
  const delayMs = fc.constantFrom(0, 0, 3 * step);
  const state = fc.constantFrom('ready' as const, 'delayed' as const, 'dead' as const, 'kept' as const);
  const limit = fc.constantFrom(-1, 0, 1);
  const waiter = fc.nat(1);
  return fc.oneof(
    fc.record({ type: fc.constant('cancel' as const), id, fate }),
    fc.record({ type: fc.constant('redrive' as const), id, delayMs, fate }),
    fc.record({ type: fc.constant('drop' as const), id, state, fate }),
    // Resumed more often than paused, or little would happen.
    fc.record({ type: fc.constant('pause' as const), to: fc.constantFrom(true, false, false), fate }),
    fc.record({
      type: fc.constantFrom('await' as const, 'await' as const, 'stop-waiting' as const),
      id,
      waiter,
      fate,
    }),
    fc.record({
      type: fc.constant('sweep' as const),
      deadAgeMs: fc.constantFrom(-1, 0, 4 * step),
      deadMax: limit,
      keptMax: limit,
      fate,
    }),
  );
}

/** `step` is the grain of time: leases last ten of them unless something else is said. */
export function operations(step: number): fc.Arbitrary<Operation[]> {
  const id = fc.nat(idCount - 1);
  const enqueue = fc.record({
    type: fc.constant('enqueue' as const),
    ids: fc.array(id, { minLength: 1, maxLength: 5 }),
    level: levels,
    options: itemOptions(step),
    fate: answeredFates,
  });
  const advance = fc.record({
    type: fc.constant('advance' as const),
    ms: fc.constantFrom(step, 4 * step, 11 * step),
  });
  const operation = fc.oneof(
    { weight: 8, arbitrary: enqueue },
    { weight: 16, arbitrary: turns(step) },
    { weight: 8, arbitrary: leaseOperations(step) },
    { weight: 5, arbitrary: advance },
    { weight: 12, arbitrary: adminOperations(step, fc.nat(2 * idCount - 1)) },
  );
  return fc.array(operation, { minLength: 20, maxLength: 50, size: 'max' });
}
