import type { PooledClient, RedisClient } from '../client.ts';
import {
  directLink,
  type ClientLink,
  type Driver,
  type DriverEvents,
  type ScriptLink,
  type ServerFacts,
  type SubscriberEvents,
  type SubscriberLink,
} from '../driver.ts';
import type { ResolvedRedisOptions } from '../options.ts';
import { connectionLost, MemoryFaults, MessageFaults } from './faults.ts';
import { createMock, instrument, type MockClient } from './mock.ts';
import { adoptedServer, memoryServer, type MemoryServer } from './server.ts';

/** A connection to the in-process server of a name. */
export function openMemory(name: string, options: ResolvedRedisOptions): MemoryDriver {
  const server = memoryServer(name);
  return new MemoryDriver(server, () => createMock(server.port), `memory://${name}`, options);
}

/** A connection over the data of an ioredis-mock client that the caller made. */
export function adoptMock(client: RedisClient, options: ResolvedRedisOptions): MemoryDriver {
  const theirs = client as MockClient & { duplicate(): MockClient };
  const server = adoptedServer(theirs);
  server.attach(theirs);
  return new MemoryDriver(server, () => theirs.duplicate(), `memory (${theirs.keyData})`, options);
}

/** ioredis-mock with what it lacks: an injected clock, emptied keys that vanish, a connection that can break. */
export class MemoryDriver implements Driver {
  readonly topology = 'memory';
  readonly client: MockClient;
  readonly scripts: ScriptLink;
  readonly address: string;
  readonly faults: MemoryFaults;
  readonly #server: MemoryServer;
  readonly #createClient: () => MockClient;
  readonly #links = new Set<{ lose(): void; restore(): void }>();
  #open = false;

  constructor(
    server: MemoryServer,
    createClient: () => MockClient,
    address: string,
    options: ResolvedRedisOptions,
  ) {
    this.#server = server;
    this.#createClient = createClient;
    this.address = address;
    const messages = new MessageFaults((deliver, delayMs) => void options.clock.setTimer(deliver, delayMs));
    this.faults = new MemoryFaults(
      { lose: () => this.#each('lose'), restore: () => this.#each('restore') },
      messages,
    );
    this.client = createClient();
    this.scripts = directLink(this.client);
    instrument(this.client, server.attach(this.client), this.faults);
    server.connect(options.clock);
  }

  /** No pipelines: the mock runs them call by call, around the fault switches. */
  lane(): undefined {
    return undefined;
  }

  masters(): [] {
    return [];
  }

  isReady(): boolean {
    return this.#open && !this.faults.disconnected;
  }

  open(events: DriverEvents): void {
    this.#open = true;
    this.#links.add({ lose: () => events.lost(), restore: () => queueMicrotask(() => events.ready()) });
    queueMicrotask(() => events.ready());
  }

  facts(): Promise<ServerFacts> {
    return Promise.resolve({ kind: 'memory', version: '7.0.0', histories: [this.address] });
  }

  serverTime(): Promise<number> {
    return Promise.resolve(this.#server.now());
  }

  // With a fraction: the mock's Lua has 32-bit integers, and takes this for a float.
  readonly injectedTime = (): string => `${(this.#server.now() * 1_000).toFixed(0)}.0`;

  createSubscriber(): SubscriberLink {
    const client = this.#createClient();
    this.#server.attach(client);
    const link = new MemorySubscriber(client, this.faults);
    this.#links.add(link);
    return link;
  }

  createLane(): never {
    throw new Error('memory has no lanes');
  }

  createClient(): ClientLink {
    const client = this.#createClient();
    instrument(client, this.#server.attach(client), this.faults);
    return {
      client: client as unknown as PooledClient,
      open: () => (this.faults.disconnected ? Promise.reject(connectionLost()) : Promise.resolve()),
      isReady: () => !this.faults.disconnected,
      clean: async () => (await (client as unknown as PooledClient).unwatch()) === 'OK',
      close: () => client.disconnect(),
    };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#links.clear();
    this.client.disconnect();
    this.#server.disconnect();
  }

  #each(step: 'lose' | 'restore'): void {
    for (const link of this.#links) link[step]();
  }
}

class MemorySubscriber implements SubscriberLink {
  readonly #client: MockClient;
  readonly #faults: MemoryFaults;
  #events: SubscriberEvents | undefined;

  constructor(client: MockClient, faults: MemoryFaults) {
    this.#client = client;
    this.#faults = faults;
  }

  open(events: SubscriberEvents): void {
    this.#events = events;
    const onMessage = (channel: string, payload: string): void =>
      this.#faults.messages.pass(() => this.#events?.message(channel, payload));
    this.#client.on('message', onMessage);
    queueMicrotask(() => this.#events?.ready());
  }

  isReady(): boolean {
    return this.#events !== undefined && !this.#faults.disconnected;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#client.subscribe(...channels);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#client.unsubscribe(...channels);
  }

  ping(): Promise<void> {
    return Promise.resolve();
  }

  lose(): void {
    this.#forget();
    this.#events?.lost();
  }

  restore(): void {
    queueMicrotask(() => this.#events?.ready());
  }

  close(): void {
    this.#events = undefined;
    this.#forget();
  }

  // PUBLISH on the mock counts, and serves, a subscriber that has disconnected: it must leave its channels first.
  #forget(): void {
    void this.#client.unsubscribe();
  }
}
