import { order, type Order } from '@lockstep-shop/contracts';

/** A line that is no order, or not a new one. */
export interface Rejection {
  /** Where it stands in the input, from 1. */
  readonly line: number;
  readonly reason: string;
}

/** A line of the input as the gateway hands it over. */
export interface OrderLine {
  readonly number: number;
  readonly text: string;
  readonly problem?: string | undefined;
}

/**
 * Every order that came in and what the shop said to it. Keeps the ids of all of them (some 100 bytes an order), so
 * that an order sent twice is taken once and the books can be checked one by one in the end.
 */
export class OrderBook {
  readonly #lineOf = new Map<string, number>();
  readonly #onRejected: (rejection: Rejection) => void;
  #rejected = 0;

  constructor(onRejected: (rejection: Rejection) => void) {
    this.#onRejected = onRejected;
  }

  /** The order on this line, or `undefined` for one that was rejected. */
  enter(line: OrderLine): Order | undefined {
    const read = readOrder(line);
    if (typeof read === 'string') return this.#reject(line.number, read);
    const earlier = this.#lineOf.get(read.orderId);
    if (earlier !== undefined) {
      return this.#reject(line.number, `order ${read.orderId} was taken already, on line ${earlier}`);
    }
    this.#lineOf.set(read.orderId, line.number);
    return read;
  }

  get accepted(): number {
    return this.#lineOf.size;
  }

  get acceptedIds(): Iterable<string> {
    return this.#lineOf.keys();
  }

  get rejected(): number {
    return this.#rejected;
  }

  /** Lines that were meant as orders: blank ones do not count. */
  get received(): number {
    return this.accepted + this.#rejected;
  }

  has(orderId: string): boolean {
    return this.#lineOf.has(orderId);
  }

  #reject(line: number, reason: string): undefined {
    this.#rejected += 1;
    this.#onRejected({ line, reason });
  }
}

/** The order, or the reason why the line is none. */
function readOrder({ text, problem }: OrderLine): Order | string {
  if (problem !== undefined) return problem;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  const result = order.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return `${issue!.path.join('.') || 'the line'}: ${issue!.message}`;
}
