import { ConfigurationError, milliseconds, parseOptions } from '@lockstep/core';
import type { Delivery, Settlement } from '@lockstep/delivery/internal';
import { z } from 'zod';
import { DeliveredTask } from './claimed-task.ts';
import { longestDelayMs } from './limits.ts';
import type { OpenedTask } from './open-task.ts';
import type { QueueParts } from './queue-parts.ts';
import { settlementOf, type FailedAttempt } from './settle.ts';
import type { RetryOptions } from './task-lease.ts';
import { RejectTask } from './task-control.ts';
import { completion } from './task-runner.ts';

const retryOptions = z.strictObject({
  delayMs: milliseconds(0, longestDelayMs).optional(),
  error: z.unknown().optional(),
});

/** A task in the hands of a caller of `receive()`. */
export class ReceivedLease extends DeliveredTask {
  readonly input: unknown;
  readonly #parts: QueueParts;
  readonly #attempt: FailedAttempt;
  readonly #delivery: Delivery;

  constructor(parts: QueueParts, { attempt, data }: OpenedTask) {
    super(attempt.delivery, attempt.envelope);
    this.#parts = parts;
    this.#attempt = attempt;
    this.#delivery = attempt.delivery;
    this.input = data;
    const { signal } = this.#delivery;
    if (signal.aborted) return;
    parts.sweeper.join(this);
    signal.addEventListener('abort', () => this.#over(), { once: true });
  }

  async complete(output?: unknown): Promise<void> {
    const gate = this.#attempt.known.output;
    if (gate === undefined) return this.#settle({ type: 'complete' });
    // The caller sees a refused output at once and still holds the lease: it may complete with a better one.
    return this.#settle(completion(this.name, await gate.encode(output)));
  }

  async retry(options: RetryOptions = {}): Promise<void> {
    const { delayMs, error = new Error('retry asked for') } = parseOptions(retryOptions, options);
    const { backoff } = this.#attempt.known.settings;
    if (delayMs === undefined && backoff.type === 'custom') {
      throw new ConfigurationError(
        'options.delayMs',
        'must be given where the back-off is a function of workers',
        delayMs,
      );
    }
    return this.#settle(settlementOf(this.#parts, this.#attempt, error, delayMs));
  }

  async reject(reason: string): Promise<void> {
    return this.#settle(settlementOf(this.#parts, this.#attempt, new RejectTask(reason)));
  }

  async release(): Promise<void> {
    return this.#settle({ type: 'release' });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#over();
    return super[Symbol.asyncDispose]();
  }

  #settle(settlement: Settlement): Promise<void> {
    this.#over();
    return this.#delivery.settle(settlement);
  }

  /** About to be settled, or lost: it is no reason to sweep any more. */
  #over(): void {
    this.#parts.sweeper.leave(this);
  }
}
