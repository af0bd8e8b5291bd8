import type { Logger } from '@lockstep/core';
import type { Delivery } from '@lockstep/delivery/internal';
import { DeliveredTask } from './claimed-task.ts';
import type { Envelope } from './envelope.ts';
import type { TaskContext } from './task-lease.ts';
import { taskLogger } from './task-logger.ts';

/** What a handler is given beside its data. Made for every task, so what few handlers look at is made when they do. */
export class HandlerContext extends DeliveredTask implements TaskContext {
  readonly #base: Logger;
  #logger: Logger | undefined;

  constructor(delivery: Delivery, envelope: Envelope, base: Logger) {
    super(delivery, envelope);
    this.#base = base;
  }

  get logger(): Logger {
    this.#logger ??= taskLogger(this.#base, { task: this.name, id: this.id, attempt: this.attempt });
    return this.#logger;
  }
}
