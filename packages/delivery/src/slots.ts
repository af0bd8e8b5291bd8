/** A consumer's concurrency, shared by the loops of its partitions. */
export class Slots {
  readonly #onFree: () => void;
  /** Half of them all, one at least. */
  readonly half: number;
  #free: number;

  constructor(total: number, onFree: () => void) {
    this.half = Math.ceil(total / 2);
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
