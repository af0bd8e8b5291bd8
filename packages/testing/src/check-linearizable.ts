import { ConfigurationError } from '@lockstep/core';
import { byKey, operationsOf } from './history.ts';
import type { History, Operation } from './history.ts';

/** What one key is supposed to be: a sequential machine. States are plain data and are never changed in place. */
export interface SequentialModel<State> {
  readonly initial: State;
  /**
   * The state after the operation, or `undefined` when it cannot have had this outcome in this state. For an operation
   * of type `info` the output is unknown and any output is possible.
   */
  step(state: State, operation: Operation): State | undefined;
}

export interface CheckLinearizableOptions {
  /**
   * Operations of one key that may be open at a time; those of unknown outcome stay open for ever. The work grows
   * exponentially with it: 100,000 operations of 8 clients take seconds, of 16 clients hours. At most 20. @defaultValue 8
   */
  readonly maxOpen?: number | undefined;
}

export type LinearizableReport =
  | { readonly valid: true; readonly operations: number }
  | {
      readonly valid: false;
      readonly operations: number;
      readonly key: string;
      /** The first operation whose outcome no order of the operations explains. */
      readonly operation: Operation;
      /** The states that were possible when it completed. */
      readonly states: readonly unknown[];
    };

const defaultMaxOpen = 8;
/** Leaves 2^33 states within the integers that a number holds exactly. */
const widestMaxOpen = 20;

/**
 * Whether every operation can be given one instant between its invocation and its completion so that the model explains
 * all outcomes. Keys are checked apart, which loses nothing (linearizability is local). An operation that failed for
 * certain did not happen.
 *
 * The just-in-time linearization of G. Lowe, "Testing for linearizability" (2017), on top of the search of J. Wing and
 * C. Gong, "Testing and verifying concurrent objects" (1993): configurations (state, operations that took effect) are
 * kept as a set, and an operation is made to take effect only when a completion needs it.
 *
 * @throws CONFIGURATION when more than `maxOpen` operations of a key are open at a time, or `maxOpen` is out of range.
 */
export function checkLinearizable<State>(
  history: History,
  model: SequentialModel<State>,
  options: CheckLinearizableOptions = {},
): LinearizableReport {
  const { maxOpen = defaultMaxOpen } = options;
  if (!(maxOpen >= 1 && maxOpen <= widestMaxOpen)) {
    throw new ConfigurationError('options.maxOpen', `must be between 1 and ${widestMaxOpen}`, maxOpen);
  }
  const operations = operationsOf(history).filter(({ type }) => type !== 'fail');
  for (const [key, ofKey] of byKey(operations)) {
    const stuck = new KeySearch(key, model, maxOpen).run(ofKey);
    if (stuck !== undefined) return { valid: false, operations: operations.length, key, ...stuck };
  }
  return { valid: true, operations: operations.length };
}

/**
 * A configuration is one number: the number of its state, and one bit for each slot whose operation has taken effect.
 * The search is nothing but set operations on them.
 */
type Configuration = number;

/** An open operation, with the states it leads to from the states it was tried on. */
interface Slot {
  readonly operation: Operation;
  readonly successors: Map<number, number | undefined>;
}

class KeySearch<State> {
  readonly #key: string;
  readonly #model: SequentialModel<State>;
  readonly #slots: (Slot | undefined)[];
  readonly #width: number;
  readonly #states: State[] = [];
  readonly #stateNumbers = new Map<string, number>();
  #configurations: Set<Configuration>;

  constructor(key: string, model: SequentialModel<State>, maxOpen: number) {
    this.#key = key;
    this.#model = model;
    this.#slots = Array.from({ length: maxOpen });
    this.#width = 2 ** maxOpen;
    this.#configurations = new Set([this.#numberOf(model.initial) * this.#width]);
  }

  run(operations: readonly Operation[]): { operation: Operation; states: State[] } | undefined {
    for (const { operation, opens } of eventsOf(operations)) {
      if (opens) this.#open(operation);
      else {
        const before = this.#configurations;
        this.#complete(operation);
        if (this.#configurations.size === 0) return { operation, states: this.#statesIn(before) };
      }
    }
    return undefined;
  }

  #open(operation: Operation): void {
    const slot = this.#slots.indexOf(undefined);
    if (slot === -1) {
      const rule = `must have at most ${this.#slots.length} operations open at a time on key ${this.#key}; raise maxOpen or use more keys`;
      throw new ConfigurationError('history', rule, `${operation.f} of ${operation.process}`);
    }
    this.#slots[slot] = { operation, successors: new Map() };
  }

  /** Keeps the configurations in which the operation has taken effect by now, and frees its slot. */
  #complete(operation: Operation): void {
    const slot = this.#slots.findIndex((candidate) => candidate?.operation === operation);
    const bit = 2 ** slot;
    const reached = new Set<Configuration>();
    const explored = new Set(this.#configurations);
    // A set is walked in the order of insertion, so this loop also reaches what it adds.
    for (const configuration of explored) {
      if ((configuration % this.#width) & bit) reached.add(configuration - bit);
      else this.#expand(configuration, explored);
    }
    this.#slots[slot] = undefined;
    this.#configurations = reached;
  }

  #expand(configuration: Configuration, explored: Set<Configuration>): void {
    const done = configuration % this.#width;
    const state = (configuration - done) / this.#width;
    for (const [index, slot] of this.#slots.entries()) {
      if (slot === undefined || (done >> index) & 1) continue;
      const after = this.#successor(state, slot);
      if (after !== undefined) explored.add(after * this.#width + done + 2 ** index);
    }
  }

  #successor(state: number, { operation, successors }: Slot): number | undefined {
    if (successors.has(state)) return successors.get(state);
    const after = this.#model.step(this.#states[state]!, operation);
    const number = after === undefined ? undefined : this.#numberOf(after);
    // No completion ever asks for an operation of unknown outcome, so without an effect it need not be tried.
    const successor = operation.type === 'info' && number === state ? undefined : number;
    successors.set(state, successor);
    return successor;
  }

  #numberOf(state: State): number {
    const text = JSON.stringify(state);
    const known = this.#stateNumbers.get(text);
    if (known !== undefined) return known;
    this.#stateNumbers.set(text, this.#states.length);
    return this.#states.push(state) - 1;
  }

  #statesIn(configurations: ReadonlySet<Configuration>): State[] {
    const numbers = new Set(
      [...configurations].map((configuration) => Math.floor(configuration / this.#width)),
    );
    return [...numbers].map((number) => this.#states[number]!);
  }
}

interface Event {
  readonly at: number;
  readonly operation: Operation;
  readonly opens: boolean;
}

/** Invocations before completions of the same instant: the more operations overlap, the fewer orders are excluded. */
function eventsOf(operations: readonly Operation[]): Event[] {
  const events: Event[] = [];
  for (const operation of operations) {
    events.push({ at: operation.invokedAt, operation, opens: true });
    if (operation.type === 'ok') events.push({ at: operation.completedAt, operation, opens: false });
  }
  return events.sort((a, b) => a.at - b.at || Number(b.opens) - Number(a.opens));
}
