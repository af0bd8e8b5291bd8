import { systemClock } from '@lockstep/core';

/** A command on its way. */
export interface Awaited {
  readonly isResolved: boolean;
  reject(error: Error): void;
}

interface Entry {
  readonly command: Awaited;
  /** By the machine's monotonic clock, because the socket is real. */
  readonly deadline: number;
}

/** Enough that moving the rest forward costs nothing per command. */
const compactedAt = 1_024;

/**
 * Rejects the commands of one client that are not answered in time, as ioredis does, with one timer for all of them: all
 * have the same time and Redis answers in order, so that the oldest is due first. A timer for each would cost as much as
 * writing the command.
 */
export class ReplyDeadlines {
  #entries: Entry[] = [];
  /** Those before it are over. */
  #oldest = 0;
  #armed = false;

  add(command: Awaited, ms: number): void {
    this.#dropResolved();
    this.#entries.push({ command, deadline: systemClock.monotonic() + ms });
    if (!this.#armed) this.#arm(ms);
  }

  #dropResolved(): void {
    while (this.#entries[this.#oldest]?.command.isResolved) this.#oldest += 1;
    if (this.#oldest === this.#entries.length) this.#entries.length = this.#oldest = 0;
    else if (this.#oldest >= compactedAt) this.#entries.splice(0, this.#oldest);
    else return;
    this.#oldest = 0;
  }

  /** The process lives as long as its sockets, not as long as this timer. */
  #arm(ms: number): void {
    this.#armed = true;
    systemClock.setTimer(() => this.#fire(), ms, { unref: true });
  }

  #fire(): void {
    this.#armed = false;
    const now = systemClock.monotonic();
    for (;;) {
      this.#dropResolved();
      const oldest = this.#entries[this.#oldest];
      if (oldest === undefined) return;
      if (oldest.deadline > now) return this.#arm(oldest.deadline - now);
      oldest.command.reject(new Error('Command timed out'));
    }
  }
}
