import type { RunOptions } from '@lockstep/redis';

/** How one script is sent, and whether a try of it got no answer. Costs nothing until that happens. */
export class Sending implements RunOptions {
  readonly timeoutMs: number | undefined;
  /** A try may have been executed, or be executed later, although no reply came. */
  isUncertain = false;
  readonly #told: (() => void) | undefined;

  constructor(timeoutMs: number | undefined, told?: () => void) {
    this.timeoutMs = timeoutMs;
    this.#told = told;
  }

  /** Made when it is asked for: most calls are answered at the first try. */
  get onUncertain(): () => void {
    return () => {
      this.isUncertain = true;
      this.#told?.();
    };
  }
}
