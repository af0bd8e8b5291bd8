import { abortable, elapsedSince, instant } from '@lockstep/core';
import type { Delivery } from '@lockstep/delivery/internal';
import { isOpened, openTask } from './open-task.ts';
import type { QueueParts } from './queue-parts.ts';
import { resolveReceiveOptions, type ReceiveOptions } from './receive-options.ts';
import { ReceivedLease } from './received-lease.ts';

/** A task that could not be opened for now must not come back at once, with the same in store for it. */
const notOpenedDelayMs = 1_000;

/** Takes tasks without a worker. What cannot be handed out is settled here and never seen by the caller. */
export class Receiver {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  async receive(options: ReceiveOptions | undefined): Promise<ReceivedLease[]> {
    const resolved = resolveReceiveOptions(options);
    const { sweeper } = this.#parts;
    // While it waits, outcomes have to go here as they do where workers run.
    sweeper.join(resolved);
    try {
      return await this.#receive(resolved);
    } finally {
      sweeper.leave(resolved);
    }
  }

  async #receive(options: ReturnType<typeof resolveReceiveOptions>): Promise<ReceivedLease[]> {
    const { max, waitMs, visibilityTimeoutMs, signal } = options;
    const { clock } = this.#parts.redis;
    const start = instant(clock);
    for (;;) {
      const left = Math.max(0, waitMs - elapsedSince(clock, start));
      const wanted = { max, waitMs: Math.ceil(left), visibilityMs: visibilityTimeoutMs, signal };
      const deliveries = await this.#parts.engine.receive(wanted);
      if (deliveries.length === 0) return [];
      const usable = await this.#unlessAborted(this.#openAll(deliveries), signal);
      // Nothing but tasks that nobody can handle: they are settled by now, so the next claim finds others.
      if (usable.length > 0) return usable;
    }
  }

  /** An abort answers at once; what turns out to be usable goes back. */
  async #unlessAborted(
    opening: Promise<ReceivedLease[]>,
    signal: AbortSignal | undefined,
  ): Promise<ReceivedLease[]> {
    try {
      return await abortable(opening, signal);
    } catch (error) {
      void this.#takeBack(opening);
      throw error;
    }
  }

  async #takeBack(opening: Promise<ReceivedLease[]>): Promise<void> {
    const leases = await opening.catch(() => []);
    // A release that fails leaves the lease to run out.
    await Promise.allSettled(leases.map((lease) => lease[Symbol.asyncDispose]()));
  }

  /** Each by itself: one that cannot be opened for now keeps nobody from the others. Rejects when there are no others. */
  async #openAll(deliveries: readonly Delivery[]): Promise<ReceivedLease[]> {
    const opened = await Promise.allSettled(deliveries.map((delivery) => this.#open(delivery)));
    const usable: ReceivedLease[] = [];
    let failure: PromiseRejectedResult | undefined;
    for (const result of opened) {
      if (result.status === 'rejected') failure ??= result;
      else if (result.value !== undefined) usable.push(result.value);
    }
    if (failure === undefined) return usable;
    if (usable.length === 0) throw failure.reason;
    this.#report(failure.reason);
    return usable;
  }

  async #open(delivery: Delivery): Promise<ReceivedLease | undefined> {
    const holder = { worker: this.#parts.redis.id, backoffs: {} };
    let opened: Awaited<ReturnType<typeof openTask>>;
    try {
      opened = await openTask(this.#parts, delivery, holder);
    } catch (error) {
      // Nobody waits for it: where Redis does not answer, the lease runs out.
      delivery.settle({ type: 'release', delayMs: notOpenedDelayMs }).catch(() => {});
      throw error;
    }
    if (isOpened(opened)) return new ReceivedLease(this.#parts, opened);
    // A refusal means that the lease is over already: the task is someone else's to settle.
    await delivery.settle(opened).catch((error: unknown) => this.#report(error));
    return undefined;
  }

  #report(error: unknown): void {
    this.#parts.onError(error, { source: this.#parts.label, operation: 'receive' });
  }
}
