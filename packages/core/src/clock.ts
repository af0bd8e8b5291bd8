/**
 * Time as the toolkit sees it. Everything that waits or measures takes a `Clock`, so that tests move time by hand and
 * nothing else in the sources touches a timer.
 */
export interface Clock {
  /** Wall-clock milliseconds since the epoch; may be stepped. */
  now(): number;
  /** Milliseconds that never run backwards; may stand still while the machine is suspended. */
  monotonic(): number;
  /** Calls `fire` once after `delayMs` (any length). The timer keeps the process alive unless `unref` is set. */
  setTimer(fire: () => void, delayMs: number, options?: TimerOptions): Timer;
}

export interface TimerOptions {
  readonly unref?: boolean | undefined;
}

export interface Timer {
  cancel(): void;
  /**
   * Whether it keeps the process alive from here on. Optional: what is needed again and again is cheaper to let go than
   * to cancel and set anew; where a clock does not offer it, it is cancelled.
   */
  keepAlive?(on: boolean): void;
}

/** setTimeout takes a signed 32-bit delay; beyond it Node fires at once. */
const longestTimeout = 2 ** 31 - 1;

class ChainedTimeout implements Timer {
  readonly #fire: () => void;
  #unref: boolean;
  #handle: ReturnType<typeof setTimeout>;

  constructor(fire: () => void, delayMs: number, unref: boolean) {
    this.#fire = fire;
    this.#unref = unref;
    this.#handle = this.#arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  keepAlive(on: boolean): void {
    this.#unref = !on;
    if (on) this.#handle.ref();
    else this.#handle.unref();
  }

  #arm(delayMs: number): ReturnType<typeof setTimeout> {
    const leg = Math.min(Math.max(delayMs, 0), longestTimeout);
    const rest = delayMs - leg;
    const handle = setTimeout(() => {
      if (rest > 0) this.#handle = this.#arm(rest);
      else this.#fire();
    }, leg);
    if (this.#unref) handle.unref();
    return handle;
  }
}

/** The machine's clock. Looks the globals up at each call, so that fake timers installed later are obeyed. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (fire, delayMs, options) => new ChainedTimeout(fire, delayMs, options?.unref ?? false),
};

/** An instant on both clocks; see {@link elapsedSince}. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

export function instant(clock: Clock): Instant {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/**
 * Milliseconds since `start`: the larger of both clocks, never below zero. The monotonic clock stands still while a
 * machine is suspended, the wall clock may be stepped back; a lease must not outlive either.
 */
export function elapsedSince(clock: Clock, start: Instant): number {
  return Math.max(clock.monotonic() - start.monotonic, clock.now() - start.wall, 0);
}
