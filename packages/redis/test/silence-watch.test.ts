import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchSilence, type WatchedClient } from '../src/ioredis/silence-watch.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

class Socket {
  bytesRead = 0;
  endedAt: number | undefined;

  destroy(error: Error): void {
    expect(error.message).toMatch(/^Socket timeout\. /);
    this.endedAt = performance.now();
  }
}

/** What ioredis does with a client: asks for a watch when it writes and none is on. */
class Client implements WatchedClient {
  stream = new Socket();
  readonly options = { socketTimeout: 1_000 };
  readonly commandQueue: unknown[] = [];
  socketTimeoutTimer?: unknown;
  asked = 0;
  setSocketTimeout? = (): void => {};

  static watched(): Client {
    const client = new Client();
    watchSilence(client);
    const start = client.setSocketTimeout!;
    client.setSocketTimeout = () => {
      client.asked += 1;
      start();
    };
    return client;
  }

  write(): void {
    this.commandQueue.push('a command');
    if (this.socketTimeoutTimer === undefined) this.setSocketTimeout!();
  }

  answer(): void {
    this.commandQueue.shift();
    this.stream.bytesRead += 5;
  }
}

it('ends a socket that is silent while a reply is due, a quarter late at most', () => {
  const client = Client.watched();
  const start = performance.now();
  client.write();
  vi.advanceTimersByTime(999);
  expect(client.stream.endedAt).toBeUndefined();
  vi.advanceTimersByTime(1_000);
  expect(client.stream.endedAt! - start).toBe(1_000);
});

it('counts from the last byte', () => {
  const client = Client.watched();
  for (let sent = 0; sent < 5; sent += 1) client.write();
  vi.advanceTimersByTime(900);
  client.answer();
  const answered = performance.now();
  vi.advanceTimersByTime(2_000);
  expect(client.stream.endedAt! - answered).toBeGreaterThanOrEqual(1_000);
  expect(client.stream.endedAt! - answered).toBeLessThanOrEqual(1_250);
});

it('asks for nothing per command, and looks no more once nothing is due', () => {
  const client = Client.watched();
  for (let sent = 0; sent < 1_000; sent += 1) {
    client.write();
    client.answer();
  }
  expect(client.asked).toBe(1);
  vi.advanceTimersByTime(10_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(client.stream.endedAt).toBeUndefined();
  client.write();
  vi.advanceTimersByTime(1_250);
  expect(client.stream.endedAt).toBeDefined();
});

it('watches the socket of a new connection from the start', () => {
  const client = Client.watched();
  const before = client.stream;
  client.write();
  vi.advanceTimersByTime(900);
  client.commandQueue.length = 0;
  client.stream = new Socket();
  const connected = performance.now();
  client.write();
  vi.advanceTimersByTime(2_000);
  expect(before.endedAt).toBeUndefined();
  expect(client.stream.endedAt! - connected).toBeGreaterThanOrEqual(1_000);
  expect(client.stream.endedAt! - connected).toBeLessThanOrEqual(1_250);
});

it('leaves a client alone that has no such method', () => {
  const client = new Client();
  delete client.setSocketTimeout;
  watchSilence(client);
  expect(client.setSocketTimeout).toBeUndefined();
});
