import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A server that answers `incr` as Redis does, and `echo` with `bytes` of payload: enough to see what a proxy lets through. */
export interface CounterServer extends AsyncDisposable {
  readonly port: number;
  readonly count: number;
  readonly sockets: ReadonlySet<Socket>;
}

export async function counterServer(echoBytes = 0): Promise<CounterServer> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      for (const [command] of chunk.toString().matchAll(/\r\n(incr|echo)\r\n/g)) {
        if (command.includes('echo')) socket.write(`$${echoBytes}\r\n${'x'.repeat(echoBytes)}\r\n`);
        else socket.write(`:${++count}\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
