import type { Clock, Random, Timer } from '@lockstep/core';
import type { SubscriberEvents, SubscriberLink } from '../driver.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import { addressOf, endClient, watchClient, type NodeClient } from './link.ts';
import { patient } from './patient-socket.ts';

interface SubscriberParts {
  readonly watch: ClusterWatch;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Readonly<Record<string, unknown>>;
}

const firstPauseMs = 20;
const longestPauseMs = 1_000;

/**
 * The listening connection of a Cluster: to one of its masters, since any node hears all messages. Not ioredis's own,
 * which changes nodes and subscribes again without a word, so that nobody learns of the messages missed meanwhile.
 */
export class ClusterSubscriber implements SubscriberLink {
  readonly #parts: SubscriberParts;
  #events: SubscriberEvents | undefined;
  #client: NodeClient | undefined;
  #address: string | undefined;
  #pauseMs = firstPauseMs;
  #timer: Timer | undefined;
  #unwatch: () => void = () => {};

  constructor(parts: SubscriberParts) {
    this.#parts = parts;
  }

  open(events: SubscriberEvents): void {
    this.#events = events;
    const stopFollowing = this.#parts.watch.onChange(() => this.#leaveStranger());
    this.#unwatch = stopFollowing;
    this.#connect();
  }

  isReady(): boolean {
    return this.#client?.status === 'ready';
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#connected().subscribe(...channels);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#connected().unsubscribe(...channels);
  }

  async ping(): Promise<void> {
    await this.#connected().ping();
  }

  close(): void {
    this.#events = undefined;
    this.#unwatch();
    this.#timer?.cancel();
    if (this.#client) endClient(this.#client);
  }

  #connected(): NodeClient {
    if (this.#client === undefined) throw new Error('Connection is closed.');
    return this.#client;
  }

  #connect(): void {
    const node = this.#pick();
    if (node === undefined) return this.#later();
    this.#address = addressOf(node);
    const settings = { ...this.#parts.settings, readOnly: false, retryStrategy: null };
    const client = patient(node.duplicate(settings));
    this.#client = client;
    watchClient(client, {
      ready: () => {
        this.#pauseMs = firstPauseMs;
        this.#events?.ready();
      },
      lost: () => this.#lost(client),
      failed: (error) => this.#events?.failed(error),
    });
    client.on('message', (channel: string, payload: string) => this.#events?.message(channel, payload));
    client.connect().catch(() => {});
  }

  #lost(client: NodeClient): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#events?.lost();
    this.#later();
  }

  #later(): void {
    if (this.#events === undefined) return;
    const { clock, random } = this.#parts;
    this.#timer = clock.setTimer(() => this.#connect(), this.#pauseMs * (0.5 + random.next() / 2));
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  /** Any master but the one that was just lost. */
  #pick(): NodeClient | undefined {
    const masters = this.#parts.watch.masters();
    const others = masters.filter((node) => addressOf(node) !== this.#address);
    const from = others.length > 0 ? others : masters;
    return from[Math.floor(this.#parts.random.next() * from.length)];
  }

  // A node that was taken out of the cluster stays up, answers pings, and hears nothing any more.
  #leaveStranger(): void {
    if (this.#address === undefined || this.#parts.watch.nodeAt(this.#address) !== undefined) return;
    this.#client?.disconnect();
  }
}
