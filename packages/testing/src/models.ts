import type { SequentialModel } from './check-linearizable.ts';
import type { Operation } from './history.ts';

/**
 * A register: `write` (input: the value), `read` (output: the value) and `cas` (input: `[expected, next]`, output:
 * whether it was applied). Values are plain data; `null` means unset.
 */
export function registerModel(initial: unknown = null): SequentialModel<unknown> {
  return {
    initial,
    step(state, operation) {
      if (operation.f === 'write') return operation.input ?? null;
      if (operation.f === 'read') return produced(operation, state) ? state : undefined;
      const [expected, next] = operation.input as [unknown, unknown];
      const applies = same(state, expected);
      if (!produced(operation, applies)) return undefined;
      return applies ? (next ?? null) : state;
    },
  };
}

/** A counter: `add` (input: the number, output: the new value) and `read` (output: the value). */
export function counterModel(initial = 0): SequentialModel<number> {
  return {
    initial,
    step(state, operation) {
      const after = operation.f === 'add' ? state + Number(operation.input) : state;
      return produced(operation, after) ? after : undefined;
    },
  };
}

/** A semaphore: `acquire` (output: whether a permit was granted) and `release`. Leases that expire are not its matter. */
export function semaphoreModel(permits: number): SequentialModel<number> {
  return {
    initial: 0,
    step(held, operation) {
      if (operation.f === 'release') return held > 0 ? held - 1 : undefined;
      const granted = held < permits;
      if (!produced(operation, granted)) return undefined;
      return granted ? held + 1 : held;
    },
  };
}

/** Whether the model's output is what was seen; an operation of unknown outcome may have produced anything. */
function produced(operation: Operation, output: unknown): boolean {
  return operation.type === 'info' || same(operation.output, output);
}

function same(a: unknown, b: unknown): boolean {
  return Object.is(a, b) || JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}
