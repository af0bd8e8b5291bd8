import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLinearizable } from '../src/check-linearizable.ts';
import type { SequentialModel } from '../src/check-linearizable.ts';
import { operationsOf } from '../src/history.ts';
import type { History, Operation } from '../src/history.ts';
import { counterModel, registerModel, semaphoreModel } from '../src/models.ts';
import { historyOf } from './history-of.ts';
import type { Written } from './history-of.ts';

const op = (
  process: string,
  f: string,
  at: readonly [number, number],
  input: unknown,
  output?: unknown,
  type: Written['type'] = 'ok',
): Written => ({ process, f, at, input, output, type });

describe('checkLinearizable on a register', () => {
  const model = registerModel();

  it('accepts a read that overlaps a write and sees either value', () => {
    for (const seen of [null, 1]) {
      const history = historyOf(op('a', 'write', [0, 10], 1), op('b', 'read', [1, 9], undefined, seen));
      expect(checkLinearizable(history, model)).toEqual({ valid: true, operations: 2 });
    }
  });

  it('reports a stale read after a completed write', () => {
    const history = historyOf(op('a', 'write', [0, 1], 1), op('b', 'read', [2, 3], undefined, null));
    expect(checkLinearizable(history, model)).toMatchObject({
      valid: false,
      key: 'k',
      operation: { process: 'b', f: 'read' },
      states: [1],
    });
  });

  it('reports two reads that see a write go backwards', () => {
    const history = historyOf(
      op('a', 'write', [0, 100], 1),
      op('b', 'read', [1, 2], undefined, 1),
      op('b', 'read', [3, 4], undefined, null),
    );
    expect(checkLinearizable(history, model).valid).toBe(false);
  });

  it('reports two compare-and-sets that both won', () => {
    const history = historyOf(
      op('a', 'cas', [0, 10], [null, 1], true),
      op('b', 'cas', [0, 10], [null, 2], true),
    );
    expect(checkLinearizable(history, model).valid).toBe(false);
    const fair = historyOf(
      op('a', 'cas', [0, 10], [null, 1], true),
      op('b', 'cas', [0, 10], [null, 2], false),
    );
    expect(checkLinearizable(fair, model).valid).toBe(true);
  });

  it('lets an unknown write happen late or never, but not be undone', () => {
    const unknown = op('a', 'write', [0, 1], 1, undefined, 'info');
    const never = op('b', 'read', [10, 11], undefined, null);
    const late = op('b', 'read', [20, 21], undefined, 1);
    expect(checkLinearizable(historyOf(unknown, never, late), model).valid).toBe(true);
    const undone = op('b', 'read', [30, 31], undefined, null);
    expect(checkLinearizable(historyOf(unknown, late, undone), model).valid).toBe(false);
  });

  it('leaves out what failed for certain', () => {
    const failed = op('a', 'write', [0, 1], 1, undefined, 'fail');
    expect(checkLinearizable(historyOf(failed, op('b', 'read', [2, 3], undefined, 1)), model).valid).toBe(
      false,
    );
  });

  it('refuses more open operations than it can search', () => {
    const crowd = Array.from({ length: 9 }, (_, index) => op(`p${index}`, 'write', [0, 10], index));
    expect(() => checkLinearizable(historyOf(...crowd), model)).toThrow('at most 8 operations');
    expect(checkLinearizable(historyOf(...crowd), model, { maxOpen: 9 }).valid).toBe(true);
    expect(() => checkLinearizable([], model, { maxOpen: 21 })).toThrow('options.maxOpen');
  });

  it('checks 10,000 operations of 4 clients, and finds a planted bad read in them', () => {
    const history = simulatedRegister(10_000, 4, 42);
    expect(checkLinearizable(history, model)).toEqual({ valid: true, operations: 10_000 });
    const victim = history.findLastIndex(({ type, f }) => type === 'ok' && f === 'read');
    const planted = history.with(victim, { ...history[victim]!, value: 'never written' });
    expect(checkLinearizable(planted, model)).toMatchObject({
      valid: false,
      operation: { output: 'never written' },
    });
  });

  it('agrees with trying every order', () => {
    const operation = fc.record({
      f: fc.constantFrom('write', 'read', 'cas'),
      start: fc.nat(12),
      length: fc.integer({ min: 1, max: 8 }),
      value: fc.integer({ min: 0, max: 2 }),
      expected: fc.integer({ min: 0, max: 2 }),
      won: fc.boolean(),
      type: fc.constantFrom('ok' as const, 'ok' as const, 'ok' as const, 'info' as const),
    });
    const outcomes = { true: 0, false: 0 };
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 5 }), (operations) => {
        const written = operations.map(({ f, start, length, value, expected, won, type }, index) => {
          const input = f === 'cas' ? [expected, value] : f === 'write' ? value : undefined;
          return op(`p${index}`, f, [start, start + length], input, f === 'cas' ? won : value, type);
        });
        const history = historyOf(...written);
        const valid = checkLinearizable(history, registerModel(0)).valid;
        expect(valid).toBe(anyOrderExplains(operationsOf(history), registerModel(0)));
        outcomes[`${valid}`]++;
      }),
      { numRuns: 400 },
    );
    expect(Math.min(outcomes.true, outcomes.false)).toBeGreaterThan(40);
  });
});

describe('checkLinearizable on other models', () => {
  it('reports a counter that lost an addition', () => {
    const both = (second: number): History =>
      historyOf(op('a', 'add', [0, 10], 1, 1), op('b', 'add', [0, 10], 1, second));
    expect(checkLinearizable(both(2), counterModel()).valid).toBe(true);
    expect(checkLinearizable(both(1), counterModel()).valid).toBe(false);
  });

  it('reports an addition of unknown outcome that was counted twice', () => {
    const unknown = op('a', 'add', [0, 1], 5, undefined, 'info');
    const read = (value: number): Written => op('b', 'read', [10, 11], undefined, value);
    expect(checkLinearizable(historyOf(unknown, read(0)), counterModel()).valid).toBe(true);
    expect(checkLinearizable(historyOf(unknown, read(5)), counterModel()).valid).toBe(true);
    expect(checkLinearizable(historyOf(unknown, read(10)), counterModel()).valid).toBe(false);
  });

  it('reports a permit too many, and a refusal while one was free', () => {
    const grants = (...outputs: boolean[]): History =>
      historyOf(
        ...outputs.map((output, index) =>
          op(`p${index}`, 'acquire', [index * 10, index * 10 + 5], 1, output),
        ),
      );
    expect(checkLinearizable(grants(true, true, false), semaphoreModel(2)).valid).toBe(true);
    expect(checkLinearizable(grants(true, true, true), semaphoreModel(2)).valid).toBe(false);
    expect(checkLinearizable(grants(true, false), semaphoreModel(2)).valid).toBe(false);
    const returned = historyOf(
      op('a', 'acquire', [0, 1], 1, true),
      op('a', 'release', [2, 3], 1),
      op('b', 'acquire', [4, 5], 1, true),
    );
    expect(checkLinearizable(returned, semaphoreModel(1)).valid).toBe(true);
  });

  it('checks keys apart', () => {
    const history = historyOf(
      { ...op('a', 'write', [0, 1], 1), key: 'x' },
      { ...op('b', 'read', [2, 3], undefined, null), key: 'y' },
    );
    expect(checkLinearizable(history, registerModel()).valid).toBe(true);
  });
});

/** The definition itself: some order that respects real time, with each unknown operation in or out, explains all. */
function anyOrderExplains<State>(operations: readonly Operation[], model: SequentialModel<State>): boolean {
  const explain = (state: State, left: readonly Operation[]): boolean => {
    if (left.every(({ type }) => type === 'info')) return true;
    return left.some((next) => {
      const mayBeNext = left.every((other) => other === next || other.completedAt >= next.invokedAt);
      const after = mayBeNext ? model.step(state, next) : undefined;
      return (
        after !== undefined &&
        explain(
          after,
          left.filter((other) => other !== next),
        )
      );
    });
  };
  return explain(model.initial, operations);
}

/** A real register under random interleaving: each operation takes effect at some instant between its two entries. */
function simulatedRegister(operations: number, clients: number, seed: number): History {
  let random = seed;
  const next = (below: number): number => {
    random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((random / 2_147_483_648) * below);
  };
  const written: Written[] = [];
  const effects: { at: number; index: number }[] = [];
  const free = Array.from({ length: clients }, () => 0);
  for (let index = 0; index < operations; index++) {
    const client = index % clients;
    const start = free[client]! + next(5) + 1;
    const effect = start + next(20) + 0.5;
    const end = effect + next(20) + 0.25;
    free[client] = end;
    effects.push({ at: effect, index });
    written.push(op(`c${client}`, ['write', 'read', 'cas'][next(3)]!, [start, end], undefined));
  }
  let value: unknown = null;
  for (const { index } of effects.sort((a, b) => a.at - b.at || a.index - b.index)) {
    const { f, process, at } = written[index]!;
    const expected = next(2) === 0 ? value : next(5);
    const fresh = next(5);
    if (f === 'write') written[index] = op(process, f, at, (value = fresh));
    else if (f === 'read') written[index] = op(process, f, at, undefined, value);
    else {
      const won = value === expected;
      written[index] = op(process, f, at, [expected, fresh], won);
      if (won) value = fresh;
    }
  }
  return historyOf(...written);
}
