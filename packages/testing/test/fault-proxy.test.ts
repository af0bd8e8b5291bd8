import { once } from 'node:events';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { faultProxy } from '../src/fault-proxy.ts';
import type { FaultProxy } from '../src/fault-proxy.ts';
import { counterServer } from './counter-server.ts';
import type { CounterServer } from './counter-server.ts';

let server: CounterServer;
let proxy: FaultProxy;
let client: Redis;

const echoBytes = 20_000;

beforeEach(async () => {
  server = await counterServer(echoBytes);
  proxy = await faultProxy({ host: '127.0.0.1', port: server.port });
  client = clientOf(proxy);
});

afterEach(async () => {
  client.disconnect();
  await proxy.close();
  await server[Symbol.asyncDispose]();
});

function clientOf(through: FaultProxy): Redis {
  const redis = new Redis(through.url, {
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 5,
    disableClientInfo: true,
  });
  redis.on('error', () => undefined);
  return redis;
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}

describe('FaultProxy', () => {
  it('forwards both ways and counts its connections', async () => {
    expect(await client.incr('n')).toBe(1);
    expect(await client.incr('n')).toBe(2);
    expect(proxy.counters).toEqual({ accepted: 1, open: 1, reset: 0, lostReplies: 0 });
    client.disconnect();
    await eventually(() => expect(proxy.counters.open).toBe(0));
    expect(server.sockets.size).toBe(0);
  });

  it('keeps the scheme, credentials and database of a target URL', async () => {
    await using other = await faultProxy('redis://user:pw@localhost:7777/2');
    expect(other.url).toBe(`redis://user:pw@127.0.0.1:${other.port}/2`);
  });

  it('refuses a target without an address and does not repeat it', async () => {
    await expect(faultProxy('not a url with secret')).rejects.toMatchObject({
      code: 'CONFIGURATION',
      path: 'target',
    });
    await expect(faultProxy('not a url with secret')).rejects.not.toThrow('secret');
  });

  it('delays each direction by what it was told', async () => {
    await client.incr('n');
    proxy.delay(60, 'requests');
    expect(await elapsed(() => client.incr('n'))).toBeGreaterThanOrEqual(55);
    proxy.delay(60, 'both');
    expect(await elapsed(() => client.incr('n'))).toBeGreaterThanOrEqual(115);
    proxy.delay(0);
    expect(await elapsed(() => client.incr('n'))).toBeLessThan(50);
  });

  it('keeps replies in order while the delay shrinks', async () => {
    proxy.delay(50, 'replies');
    const slow = client.incr('n');
    await eventually(() => expect(server.count).toBe(1));
    proxy.delay(0);
    const fast = client.incr('n');
    expect(await Promise.all([slow, fast])).toEqual([1, 2]);
  });

  it('throttles to the given rate', async () => {
    await client.incr('n');
    proxy.throttle(100_000, 'replies');
    const ms = await elapsed(async () => expect(await client.echo('x')).toHaveLength(echoBytes));
    expect(ms).toBeGreaterThan(120);
    proxy.throttle(Infinity);
    expect(await elapsed(() => client.echo('x'))).toBeLessThan(100);
  });

  it('holds replies until it resumes: the server has executed, the answer is late', async () => {
    await client.incr('n');
    proxy.hold('replies');
    let answered = false;
    const late = client.incr('n').finally(() => (answered = true));
    await eventually(() => expect(server.count).toBe(2));
    expect(answered).toBe(false);
    proxy.resume();
    expect(await late).toBe(2);
  });

  it('accepts connections while it holds requests, but the server sees nothing', async () => {
    proxy.hold('requests');
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    const late = client.incr('n');
    await eventually(() => expect(proxy.counters.accepted).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.count).toBe(0);
    proxy.resume('requests');
    expect(await late).toBe(1);
    socket.destroy();
  });

  it('holds the end of a stream as well', async () => {
    await client.incr('n');
    proxy.hold();
    client.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.sockets.size).toBe(1);
    proxy.resume();
    await eventually(() => expect(server.sockets.size).toBe(0));
  });

  it('stops reading from a sender whose bytes are held, as a full network does', async () => {
    proxy.hold('requests');
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    const bytes = 32 * 1024 * 1024;
    socket.write(Buffer.alloc(bytes));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(bytes / 2);
    socket.destroy();
  });

  it('resets every connection and accepts the next', async () => {
    await client.incr('n');
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    await eventually(() => expect(proxy.counters.open).toBe(2));
    proxy.reset();
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(proxy.counters).toMatchObject({ reset: 2, open: 0 });
    await eventually(async () => expect(await client.incr('n')).toBe(2));
  });

  it('leaves no socket behind when it resets a connection whose end is on its way', async () => {
    await client.incr('n');
    client.disconnect();
    await eventually(() => expect(openSockets()).toBe(0));
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    await eventually(() => expect(server.sockets.size).toBe(1));
    proxy.hold();
    socket.end();
    await new Promise((resolve) => setTimeout(resolve, 30));
    proxy.resume();
    proxy.reset();
    await eventually(() => expect(openSockets()).toBe(0));
  });

  it('refuses connects until it accepts again on the same port, and leaves open connections alone', async () => {
    await client.incr('n');
    const { port } = proxy;
    await proxy.refuse();
    const socket = connect(port, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    expect(await client.incr('n')).toBe(2);
    await proxy.accept();
    expect(proxy.port).toBe(port);
    const again = connect(port, '127.0.0.1');
    await once(again, 'connect');
    again.destroy();
  });

  it('resets a client when the server behind it cannot be reached', async () => {
    const gone = await counterServer();
    await gone[Symbol.asyncDispose]();
    await using other = await faultProxy({ host: '127.0.0.1', port: gone.port });
    const socket = connect(other.port, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });
});

describe('a swallowed reply', () => {
  it('is executed once by the server, and the client loses its connection instead of an answer', async () => {
    await client.incr('n');
    proxy.swallowReply();
    await expect(client.incr('n')).rejects.toThrow();
    expect(server.count).toBe(2);
    expect(proxy.counters).toMatchObject({ lostReplies: 1, reset: 1 });
    await eventually(async () => expect(await client.incr('n')).toBe(3));
  });

  it('is that of the first request that contains the match', async () => {
    proxy.swallowReply({ match: 'the-one' });
    expect(await client.incr('another')).toBe(1);
    await expect(client.incr('the-one')).rejects.toThrow();
    expect(server.count).toBe(2);
  });

  it('is found although its request comes in pieces', async () => {
    const socket = connect(proxy.port, '127.0.0.1').setNoDelay(true);
    await once(socket, 'connect');
    proxy.swallowReply({ match: 'incr' });
    const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
    const first = '*2\r\n$4\r\nin';
    socket.write(first);
    await eventually(() =>
      expect([...server.sockets].map(({ bytesRead }) => bytesRead)).toContain(first.length),
    );
    // The toy server answers what stands in one chunk, so the whole name follows.
    socket.write('cr\r\n$8\r\n\r\nincr\r\n\r\n');
    await closed;
    expect(server.count).toBe(1);
    expect(proxy.counters.lostReplies).toBe(1);
  });
});
