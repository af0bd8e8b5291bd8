import type { AdminClient, ClientPipeline } from './client.ts';
import type { WireCall } from './driver.ts';

/** A write's reply together with how many replicas confirmed it. */
export class ConfirmedReply {
  readonly reply: unknown;
  readonly replicated: number;

  constructor(reply: unknown, replicated: number) {
    this.reply = reply;
    this.replicated = replicated;
  }
}

/** A write that waits for its batch. */
export interface PendingWrite extends WireCall {
  readonly resolve: (outcome: ConfirmedReply) => void;
  readonly reject: (error: Error) => void;
}

/** What WAIT is asked for. */
export interface Confirmation {
  readonly replicas: number;
  readonly timeoutMs: number;
}

/** Bounds the burst that one WAIT has to confirm, and how long Redis is kept from other clients by it. */
const largestBatch = 200;

/**
 * Group commit: writes that arrive while a WAIT is under way share the next one.
 *
 * The writes travel on the connection that waits. WAIT speaks only of writes of its own connection, and only so is it
 * certain that the server which confirms is the one which wrote: two connections may lead to two masters during a
 * failover. The price is that a batch starts when the one before it is confirmed.
 */
export class GroupCommit {
  readonly #client: AdminClient;
  readonly #confirmation: Confirmation;
  readonly #queue = new Set<PendingWrite>();
  #flushing = false;

  constructor(client: AdminClient, confirmation: Confirmation) {
    this.#client = client;
    this.#confirmation = confirmation;
  }

  add(write: PendingWrite): void {
    this.#queue.add(write);
    if (!this.#flushing) void this.#flush();
  }

  /** Takes back a write that has not been sent. False when it has. */
  withdraw(write: PendingWrite): boolean {
    return this.#queue.delete(write);
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    while (this.#queue.size > 0) {
      const batch = [...this.#queue].slice(0, largestBatch);
      for (const write of batch) this.#queue.delete(write);
      await this.#commit(batch);
    }
    this.#flushing = false;
  }

  async #commit(batch: readonly PendingWrite[]): Promise<void> {
    const pipeline = this.#client.pipeline();
    for (const { command, script, keyCount, args, reject } of batch) {
      // A refusal is told at once: WAIT may take its whole time, and the caller can use that to try again.
      pipeline[command](script, keyCount, ...args, (error) => error && reject(error));
    }
    pipeline.wait(this.#confirmation.replicas, this.#confirmation.timeoutMs);
    const replies = await pipeline.exec().catch((error: Error) => error);
    for (const [index, write] of batch.entries()) settle(write, index, batch.length, replies);
  }
}

type Replies = Awaited<ReturnType<ClientPipeline['exec']>> | Error;

function settle(write: PendingWrite, index: number, waitIndex: number, replies: Replies): void {
  if (replies instanceof Error || replies === null) return write.reject(replies ?? connectionClosed());
  const [error, reply] = replies[index] ?? [connectionClosed(), undefined];
  const [waitError, replicated] = replies[waitIndex] ?? [connectionClosed(), 0];
  // A write without its WAIT was made by a server that is gone: what became of it is not known.
  const failure = error ?? waitError;
  if (failure) write.reject(failure);
  else write.resolve(new ConfirmedReply(reply, Number(replicated)));
}

function connectionClosed(): Error {
  return new Error('Connection is closed.');
}
