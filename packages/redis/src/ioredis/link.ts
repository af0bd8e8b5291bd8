import type { AdminClient, ClientInternals, RedisClient } from '../client.ts';
import type { DriverEvents } from '../driver.ts';

/** Any ioredis client, commands or subscriber, with the fields its class hides from our interface. */
export type IoredisClient = RedisClient & ClientInternals;

/** An ioredis client of one server. */
export type NodeClient = AdminClient;

/** Reports an ioredis client's life through {@link DriverEvents}. Returns the remover of its listeners. */
export function watchClient(
  client: IoredisClient,
  events: Pick<DriverEvents, 'ready' | 'lost' | 'failed'>,
): () => void {
  const listeners = {
    ready: () => events.ready(),
    close: () => events.lost(),
    error: (error: unknown) => events.failed(error),
  };
  for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
  };
}

/** Connects a client that waits to be asked; one that is on its way or there already only tells when it is. */
export function openClient(client: IoredisClient, events: Pick<DriverEvents, 'ready'>): void {
  if (client.status === 'ready') queueMicrotask(() => events.ready());
  // The rejection repeats what the error event said.
  else if (client.status === 'wait') client.connect().catch(() => {});
}

/** Ends a client of ours. ioredis reports errors of a socket that dies while it is being closed, and prints them unheard. */
export function endClient(client: RedisClient): void {
  client.on('error', () => {});
  client.disconnect();
}

/** `host:port` of a client's options: how a Cluster names its nodes. */
export function addressOf({ options }: Pick<NodeClient, 'options'>): string {
  const { host = 'redis', port = 6379 } = options as { host?: string; port?: number };
  return `${host}:${port}`;
}
