import { systemClock } from '@lockstep/core';
import type { IoredisClient } from './link.ts';
import { watchSilence, type WatchedClient } from './silence-watch.ts';

/** The part of a socket that ioredis ends it by. */
interface EndableSocket {
  readonly bytesRead: number;
  destroy(error?: Error): unknown;
}

/** How long a socket is read after it was silent for too long. Long enough for a reply to a write that was late itself. */
const graceMs = 50;

/**
 * Keeps ioredis from ending a healthy socket because this process was busy. Its timer for silence runs out while the
 * event loop is blocked, and timers come before sockets in the next round: the reply that waits in the socket would never
 * be read. So the socket is read once more, and ended only if that brings nothing either.
 *
 * Give it each client that this package makes, before it connects. A client that is handed in stays as it is.
 */
export function patient<Client extends IoredisClient>(client: Client): Client {
  if (client.isCluster) {
    client.on('+node', (node) => patient(node as IoredisClient));
  } else {
    watchSilence(client as unknown as WatchedClient);
    client.on('connect', () => soften((client as { readonly stream?: EndableSocket }).stream));
  }
  return client;
}

function soften(socket: EndableSocket | undefined): void {
  if (socket === undefined) return;
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    if (!error?.message.startsWith('Socket timeout')) return destroy(error);
    const readBefore = socket.bytesRead;
    const judge = (): void => void (socket.bytesRead === readBefore && destroy(error));
    // The machine's clock, because the socket is real. After the timer sockets are read, and after these it is judged.
    systemClock.setTimer(() => setImmediate(judge), graceMs);
    return socket;
  };
}
