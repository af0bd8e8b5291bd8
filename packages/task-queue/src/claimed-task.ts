import type { Delivery } from '@lockstep/delivery/internal';
import type { TaskPriority } from './enqueue-options.ts';
import type { Envelope } from './envelope.ts';
import { encodeProgress } from './task-progress.ts';
import type { TaskId } from './task-id.ts';
import type { ClaimedTask } from './task-lease.ts';

/** A delivery seen as a task: what handlers and `receive()` have in common. */
export class DeliveredTask<Name extends string = string> implements ClaimedTask<Name> {
  readonly name: Name;
  readonly id: TaskId<Name>;
  readonly attempt: number;
  readonly delivery: number;
  readonly priority: TaskPriority;
  readonly enqueuedAt: number;
  readonly traceparent: string | undefined;
  readonly fencingToken: number;
  readonly #delivery: Delivery;

  constructor(delivery: Delivery, envelope: Envelope & { readonly name: Name }) {
    this.#delivery = delivery;
    this.name = envelope.name;
    this.traceparent = envelope.traceparent;
    this.id = delivery.id as TaskId<Name>;
    this.attempt = delivery.attempts + 1;
    this.delivery = delivery.deliveries;
    this.priority = delivery.priority;
    this.enqueuedAt = delivery.enqueuedAt;
    this.fencingToken = delivery.fencingToken;
  }

  get expiresAt(): number {
    return this.#delivery.expiresAt;
  }

  get signal(): AbortSignal {
    return this.#delivery.signal;
  }

  isValid(): boolean {
    return this.#delivery.isValid();
  }

  assertValid(): void {
    this.#delivery.assertValid();
  }

  extend(ttlMs: number): Promise<void> {
    return this.#delivery.extend(ttlMs);
  }

  async progress(done: number, note?: string): Promise<void> {
    return this.#delivery.save('progress', encodeProgress(done, note));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#delivery[Symbol.asyncDispose]());
  }
}
