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

/** Indexes are taken modulo what there is. */
export type Operation =
  | {
      readonly type: 'enqueue';
      readonly ids: readonly number[];
      readonly level: Priority;
      readonly delayMs: number;
      readonly fate: Fate;
    }
  | {
      readonly type: 'turn';
      readonly worker: number;
      readonly want: number;
      readonly settlements: readonly {
        readonly lease: number;
        readonly stale: boolean;
        readonly settlement: Settlement;
      }[];
      readonly fate: Fate;
    }
  | { readonly type: 'renew'; readonly worker: number }
  | { readonly type: 'crash'; readonly worker: number }
  /** A turn that was answered long ago arrives once more. */
  | { readonly type: 'late-copy'; readonly worker: number; readonly turn: number }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'cancel' | 'redrive' | 'drop'; readonly id: number; readonly fate: Fate };

const fates: fc.Arbitrary<Fate> = fc.constantFrom('arrives', 'arrives', 'executed-twice', 'lost', 'given-up');
const answeredFates: fc.Arbitrary<Fate> = fc.constantFrom('arrives', 'executed-twice', 'lost');
const levels: fc.Arbitrary<Priority> = fc.constantFrom('critical', 'high', 'normal', 'low');

function settlements(step: number): fc.Arbitrary<Settlement> {
  const delayMs = fc.constantFrom(0, step, 3 * step);
  return fc.oneof(
    // Of an item that was claimed once the first takes the least there is; the other erases all there may be.
    fc.constantFrom<Settlement>({ type: 'complete' }, { type: 'complete' }, { type: 'complete', keepMs: 0 }),
    delayMs.map((ms): Settlement => ({ type: 'retry', delayMs: ms, error: 'x' })),
    fc.constantFrom<Settlement>({ type: 'dead', reason: 'y' }, { type: 'dead', reason: 'y', error: 'x' }),
    delayMs.map((ms): Settlement => ({ type: 'release', delayMs: ms })),
  );
}

/** `step` is the grain of time: leases last ten of them. */
export function operations(step: number, idCount: number): fc.Arbitrary<Operation[]> {
  const worker = fc.nat(2);
  const id = fc.nat(idCount - 1);
  const settlement = fc.record({ lease: fc.nat(20), stale: fc.boolean(), settlement: settlements(step) });
  const operation = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('enqueue' as const),
        ids: fc.array(id, { minLength: 1, maxLength: 5 }),
        level: levels,
        delayMs: fc.constantFrom(0, 0, step, 5 * step),
        fate: answeredFates,
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constant('turn' as const),
        worker,
        want: fc.integer({ min: -1, max: 4 }),
        settlements: fc.array(settlement, { maxLength: 4 }),
        fate: fates,
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('renew' as const), worker }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), worker }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('late-copy' as const), worker, turn: fc.nat(20) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('advance' as const),
        ms: fc.constantFrom(step, 4 * step, 11 * step),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constantFrom('cancel' as const, 'redrive' as const, 'drop' as const),
        id,
        fate: answeredFates,
      }),
    },
  );
  return fc.array(operation, { minLength: 1, maxLength: 50, size: 'max' });
}
