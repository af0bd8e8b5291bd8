import type { Clock, Timer } from '@lockstep/core';
import { ClosedError } from '@lockstep/core';
import type { SubscriberLink } from './driver.ts';

export type MessageHandler = (payload: string, channel: string) => void;

/** One handler on one channel. */
export interface Subscription extends AsyncDisposable {
  readonly channel: string;
  /** Resolves once Redis has confirmed the channel; rejects only when the subscription is closed before that. */
  readonly ready: Promise<void>;
  /** Stops calls of the handler at once; the channel is given up when its last handler leaves. */
  close(): Promise<void>;
}

interface Channel {
  readonly handlers: Set<MessageHandler>;
  confirmed: PromiseWithResolvers<void>;
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

interface HubParts {
  readonly createLink: () => SubscriberLink;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** The connection was re-established: messages may have been missed. */
  readonly onGap: () => void;
  /** The connection or a command on it failed. */
  readonly onLinkError: (error: unknown, operation: string) => void;
  /** A handler threw. */
  readonly onHandlerError: (error: unknown, channel: string) => void;
}

/**
 * All subscriptions of a process over one connection, multiplexed by channel. The connection is made with the first
 * subscription. Every time it comes back the channels are subscribed again and `gap` is told, because what was
 * published meanwhile is lost.
 */
export class SubscriberHub {
  readonly #parts: HubParts;
  readonly #channels = new Map<string, Channel>();
  #link: SubscriberLink | undefined;
  #heartbeat: Timer | undefined;
  #closed = false;

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** How many channels are subscribed. */
  get size(): number {
    return this.#channels.size;
  }

  isReady(): boolean {
    return this.#link === undefined || this.#link.isReady();
  }

  subscribe(name: string, handler: MessageHandler): Subscription {
    if (this.#closed) throw new ClosedError('redis');
    const channel = this.#join(name);
    // One entry per call, so that the same function may be subscribed twice.
    const entry: MessageHandler = (payload, from) => handler(payload, from);
    channel.handlers.add(entry);
    const close = (): Promise<void> => this.#leave(name, channel, entry);
    return { channel: name, ready: channel.confirmed.promise, close, [Symbol.asyncDispose]: close };
  }

  close(): void {
    this.#closed = true;
    this.#heartbeat?.cancel();
    this.#link?.close();
    for (const { confirmed } of this.#channels.values()) confirmed.reject(new ClosedError('redis'));
    this.#channels.clear();
  }

  #join(name: string): Channel {
    const known = this.#channels.get(name);
    if (known) return known;
    const channel: Channel = { handlers: new Set(), confirmed: deferred() };
    this.#channels.set(name, channel);
    if (this.#link === undefined) this.#open();
    else if (this.#link.isReady()) void this.#confirm([name]);
    return channel;
  }

  async #leave(name: string, channel: Channel, entry: MessageHandler): Promise<void> {
    if (!channel.handlers.delete(entry) || channel.handlers.size > 0) return;
    if (this.#channels.get(name) !== channel) return;
    this.#channels.delete(name);
    channel.confirmed.reject(new ClosedError(`subscription to ${name}`));
    if (!this.#link?.isReady()) return;
    // Someone may have joined again before this is sent: commands keep their order, so their subscribe comes after.
    await this.#link.unsubscribe([name]).catch((error: unknown) => this.#report(error, 'unsubscribe'));
  }

  #open(): void {
    const link = this.#parts.createLink();
    this.#link = link;
    let connections = 0;
    link.open({
      ready: () => {
        connections += 1;
        void this.#resubscribe(connections > 1);
      },
      lost: () => this.#heartbeat?.cancel(),
      failed: (error) => this.#report(error, 'connect'),
      message: (channel, payload) => this.#dispatch(channel, payload),
    });
  }

  async #resubscribe(again: boolean): Promise<void> {
    this.#beat();
    const all = [...this.#channels.keys()];
    if (all.length > 0 && !(await this.#confirm(all))) return;
    if (again && !this.#closed) this.#parts.onGap();
  }

  async #confirm(names: readonly string[]): Promise<boolean> {
    try {
      await this.#link!.subscribe(names);
    } catch (error) {
      // The link tears itself down after a time-out and comes back through `ready`.
      this.#report(error, 'subscribe');
      return false;
    }
    for (const name of names) this.#channels.get(name)?.confirmed.resolve();
    return true;
  }

  // TCP alone notices a silent peer after minutes. The ping's missing reply tears the socket down.
  #beat(): void {
    this.#heartbeat?.cancel();
    if (this.#closed) return;
    this.#heartbeat = this.#parts.clock.setTimer(
      () => {
        this.#link!.ping().catch((error: unknown) => this.#report(error, 'heartbeat'));
        this.#beat();
      },
      this.#parts.heartbeatMs,
      { unref: true },
    );
  }

  #dispatch(name: string, payload: string): void {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    for (const handler of channel.handlers) {
      try {
        handler(payload, name);
      } catch (error) {
        this.#parts.onHandlerError(error, name);
      }
    }
  }

  #report(error: unknown, operation: string): void {
    if (!this.#closed) this.#parts.onLinkError(error, operation);
  }
}

function deferred(): PromiseWithResolvers<void> {
  let resolve!: () => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<void>((...functions) => ([resolve, reject] = functions));
  // Nobody need await a confirmation.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
