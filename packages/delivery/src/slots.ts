/** A consumer's concurrency, shared by the loops of its partitions. */
export class Slots {
  readonly #onFree: () => void;
  #free: number;

  constructor(total: number, onFree: () => void) {
    this.#free = total;
    this.#onFree = onFree;
  }

  get free(): number {
    return this.#free;
  }

  /** Takes at most `most` of the free ones; says how many. */
  take(most: number): number {
    const taken = Math.min(this.#free, most);
    this.#free -= taken;
    return taken;
  }

  give(count: number): void {
    if (count === 0) return;
    this.#free += count;
    this.#onFree();
  }
}
