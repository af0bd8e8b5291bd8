import { ConfigurationError } from './errors.ts';
import { systemRandom, type Random } from './random.ts';

/** The same delay each time. */
export interface FixedBackoff {
  readonly type: 'fixed';
  readonly delayMs: number;
}

/** A delay that grows with each attempt, from `initialMs` up to `maxMs`. */
export interface GrowingBackoff {
  readonly type: 'linear' | 'exponential' | 'fibonacci';
  readonly initialMs: number;
  readonly maxMs: number;
  /**
   * How fast it grows. Exponential: the base of the power, 1 or more; each delay is `factor` times the one before.
   * Linear and fibonacci: scales what is added to `initialMs`; linear adds `factor * initialMs` each time.
   *
   * @defaultValue 2 for exponential, 1 for the others
   */
  readonly factor?: number | undefined;
  /**
   * Spreads the retries of many callers. `full`: anywhere between zero and the delay. `equal`: half of the delay, plus
   * anywhere up to the other half. A fleet that fails together should not retry together: prefer `full` there.
   *
   * @defaultValue 'none'
   */
  readonly jitter?: 'none' | 'full' | 'equal' | undefined;
}

/**
 * Each delay is drawn between `initialMs` and three times the one before: jitter that keeps growing without counting
 * attempts. From "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export interface DecorrelatedBackoff {
  readonly type: 'decorrelated';
  readonly initialMs: number;
  readonly maxMs: number;
}

/** The delays one by one; the last is used for every attempt beyond. */
export interface ListBackoff {
  readonly type: 'list';
  readonly delaysMs: readonly number[];
}

/** A function registered under `name` where the back-off runs. */
export interface CustomBackoff {
  readonly type: 'custom';
  readonly name: string;
}

/** How long to wait before trying again. Plain data, so that it can be stored with a task. */
export type Backoff = FixedBackoff | GrowingBackoff | DecorrelatedBackoff | ListBackoff | CustomBackoff;

/** Back-off functions by name: from the attempt that failed (1 is the first) and its error to milliseconds. */
export type CustomBackoffs = Readonly<Record<string, (attempt: number, error: unknown) => number>>;

/** What a delay may depend on besides the attempt. */
export interface BackoffContext {
  /** @defaultValue the system's randomness */
  readonly random?: Random | undefined;
  /** The delay before this one. Without it, `decorrelated` assumes the longest that this attempt allows. */
  readonly previousMs?: number | undefined;
  readonly custom?: CustomBackoffs | undefined;
  /** What the attempt failed with; handed to a custom function. */
  readonly error?: unknown;
}

/** A century: keeps every due date, now + delay, an exact integer. */
export const longestDelayMs = 100 * 365 * 24 * 60 * 60 * 1000;

/**
 * Whole milliseconds to wait after `attempt` failed (1 is the first): never negative, never beyond `maxMs` or a
 * century. Takes constant time for any attempt.
 *
 * @throws `ConfigurationError` for a custom back-off that is not registered, or whose function does not return a
 * number of zero or more.
 */
export function backoffDelay(backoff: Backoff, attempt: number, context: BackoffContext = {}): number {
  const delay = rawDelay(backoff, Math.max(1, Math.floor(attempt)) || 1, context);
  // Zero times a growth that overflowed is NaN, and means zero.
  return Math.round(Math.min(Math.max(delay, 0), longestDelayMs)) || 0;
}

function rawDelay(backoff: Backoff, attempt: number, context: BackoffContext): number {
  switch (backoff.type) {
    case 'fixed':
      return backoff.delayMs;
    case 'list':
      return backoff.delaysMs[Math.min(attempt, backoff.delaysMs.length) - 1] ?? 0;
    case 'custom':
      return customDelay(backoff.name, attempt, context);
    case 'decorrelated':
      return decorrelatedDelay(backoff, attempt, context);
    case 'linear':
    case 'exponential':
    case 'fibonacci':
      return withJitter(backoff, Math.min(grownDelay(backoff, attempt), backoff.maxMs), context);
  }
}

function grownDelay({ type, initialMs, factor }: GrowingBackoff, attempt: number): number {
  if (type === 'exponential') return initialMs * (factor ?? 2) ** (attempt - 1);
  const steps = type === 'linear' ? attempt - 1 : fibonacci(attempt) - 1;
  return initialMs * (1 + (factor ?? 1) * steps);
}

const goldenRatio = (1 + Math.sqrt(5)) / 2;

/** 1, 1, 2, 3, 5 ... by Binet's formula: exact as far as delays reach, Infinity beyond the range of numbers. */
function fibonacci(n: number): number {
  return Math.round(goldenRatio ** n / Math.sqrt(5));
}

function withJitter(
  { jitter }: GrowingBackoff,
  delay: number,
  { random = systemRandom }: BackoffContext,
): number {
  if (jitter === 'full') return random.next() * delay;
  if (jitter === 'equal') return delay / 2 + random.next() * (delay / 2);
  return delay;
}

function decorrelatedDelay(
  { initialMs, maxMs }: DecorrelatedBackoff,
  attempt: number,
  { random = systemRandom, previousMs }: BackoffContext,
): number {
  const previous = previousMs ?? Math.min(initialMs * 3 ** (attempt - 1), maxMs);
  const highest = Math.max(previous * 3, initialMs);
  return Math.min(initialMs + random.next() * (highest - initialMs), maxMs);
}

function customDelay(name: string, attempt: number, { custom = {}, error }: BackoffContext): number {
  // Own names only: `toString` is not a back-off.
  const delayOf = Object.hasOwn(custom, name) ? custom[name] : undefined;
  if (delayOf === undefined) {
    const known = Object.keys(custom).join(', ') || 'none';
    throw new ConfigurationError('backoff.name', `must be a registered back-off (${known})`, name);
  }
  const delay: unknown = delayOf(attempt, error);
  // NaN must not become a hot loop, so it is not taken for zero.
  if (typeof delay === 'number' && delay >= 0) return delay;
  throw new ConfigurationError(`backoffs.${name}`, 'must return a number of zero or more', delay);
}

/** The back-off of a loop: each `next()` is the delay after one more failure, `reset()` starts over after a success. */
export class BackoffState {
  readonly #backoff: Backoff;
  readonly #context: BackoffContext;
  #attempt = 0;
  #previousMs: number | undefined;

  constructor(backoff: Backoff, context: Pick<BackoffContext, 'random' | 'custom'> = {}) {
    this.#backoff = backoff;
    this.#context = context;
  }

  /** Failures since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait now. Throws as {@link backoffDelay} does. */
  next(error?: unknown): number {
    this.#attempt += 1;
    const context = { ...this.#context, previousMs: this.#previousMs, error };
    this.#previousMs = backoffDelay(this.#backoff, this.#attempt, context);
    return this.#previousMs;
  }

  reset(): void {
    this.#attempt = 0;
    this.#previousMs = undefined;
  }
}
