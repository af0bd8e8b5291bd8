import { systemClock, type Clock } from '@lockstep/core';
import type { MockClient } from './mock.ts';
import { ClockedData, ClockedExpires } from './store.ts';

/** The in-process stand-in for one Redis: data and time that all connections of a name share. */
export class MemoryServer {
  readonly port: number;
  readonly #expires = new ClockedExpires(() => this.#clock);
  #data: ClockedData | undefined;
  #clock: Clock = systemClock;
  #connections = 0;

  constructor(port: number) {
    this.port = port;
  }

  /** Milliseconds on the server. */
  now(): number {
    return this.#clock.now();
  }

  /** The first open connection gives the server its time; later ones may run on clocks of their own, as processes do. */
  connect(clock: Clock): void {
    if (this.#connections === 0) this.#clock = clock;
    this.#connections += 1;
  }

  disconnect(): void {
    this.#connections -= 1;
  }

  /** Makes a mock client use the server's data and clock. */
  attach(client: MockClient): ClockedData {
    this.#data ??= new ClockedData(client.data, this.#expires);
    client.data = this.#data;
    client.expires = this.#expires;
    return this.#data;
  }
}

const servers = new Map<string, MemoryServer>();
const firstPort = 1;

/** The server of a `memory://` name; made at first use and kept as long as the process. */
export function memoryServer(name: string): MemoryServer {
  let server = servers.get(name);
  if (server === undefined) {
    server = new MemoryServer(firstPort + servers.size);
    servers.set(name, server);
  }
  return server;
}

const adopted = new Map<string, MemoryServer>();

/** The server behind an ioredis-mock client that the caller made: all clients of its host, port and database share it. */
export function adoptedServer(client: MockClient): MemoryServer {
  let server = adopted.get(client.keyData);
  if (server === undefined) {
    server = new MemoryServer(0);
    adopted.set(client.keyData, server);
  }
  return server;
}
