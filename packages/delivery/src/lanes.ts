/** One numbered caller: at most one call in flight, each with the next number. See `lua/numbered.ts`. */
export interface Lane {
  readonly id: string;
  readonly seq: number;
  /** The last call whose reply arrived. */
  readonly acked: number;
}

interface MutableLane {
  readonly id: string;
  seq: number;
  acked: number;
}

/**
 * Callers for calls that are not a worker's turns. A call takes a free lane, so that any number may be in flight while
 * Redis remembers one reply per lane. The lane of a call that was given up goes through `reconcile` first, because that
 * call may still be executed, or may have claimed items nobody knows of.
 */
export class Lanes {
  readonly #prefix: string;
  readonly #reconcile: ((lane: Lane) => Promise<void>) | undefined;
  readonly #free: MutableLane[] = [];
  readonly #all: MutableLane[] = [];

  constructor(prefix: string, reconcile?: (lane: Lane) => Promise<void>) {
    this.#prefix = prefix;
    this.#reconcile = reconcile;
  }

  /** The callers whose last call was answered: Redis may forget them. */
  get settledIds(): readonly string[] {
    return this.#all.filter(({ seq, acked }) => seq === acked).map(({ id }) => id);
  }

  async run<T>(call: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.#free.pop() ?? this.#create();
    lane.seq += 1;
    try {
      const reply = await call(lane);
      lane.acked = lane.seq;
      this.#free.push(lane);
      return reply;
    } catch (error) {
      this.#recover(lane);
      throw error;
    }
  }

  #create(): MutableLane {
    const lane = { id: `${this.#prefix}.${this.#all.length}`, seq: 0, acked: 0 };
    this.#all.push(lane);
    return lane;
  }

  #recover(lane: MutableLane): void {
    if (this.#reconcile === undefined) {
      this.#free.push(lane);
      return;
    }
    lane.seq += 1;
    this.#reconcile(lane).then(
      () => {
        lane.acked = lane.seq;
        this.#free.push(lane);
      },
      // Closed meanwhile: the lane is not used again.
      () => {},
    );
  }
}
