import { systemClock } from '@lockstep/core';

/** What is used of the insides of an ioredis client. */
export interface WatchedClient {
  readonly stream?: { readonly bytesRead: number; destroy(error: Error): unknown } | undefined;
  readonly options: { readonly socketTimeout?: number | undefined };
  readonly commandQueue: { readonly length: number };
  /** Set while the watch is on: ioredis then does not ask for one. */
  socketTimeoutTimer?: unknown;
  /** Called by ioredis when it has written a command and no watch is on. */
  setSocketTimeout?: () => void;
}

/** How often it looks within the time that a silence may last. */
const looksPerSilence = 4;

/**
 * Ends a socket that is silent for `socketTimeout` while a reply is due, a quarter of that later at most. ioredis makes a
 * timer and a listener per command for it, which costs as much as writing the command; this one looks at how much was
 * read, a few times while the connection is in use and never when it is not.
 */
export function watchSilence(client: WatchedClient): void {
  if (client.setSocketTimeout === undefined) return;
  client.setSocketTimeout = () => start(client, client.options.socketTimeout!);
}

function start(client: WatchedClient, longestMs: number): void {
  let { stream } = client;
  let read = stream?.bytesRead;
  let since = systemClock.monotonic();
  const look = (): void => {
    if (client.commandQueue.length === 0) return void (client.socketTimeoutTimer = undefined);
    const now = systemClock.monotonic();
    if (client.stream !== stream || stream?.bytesRead !== read) {
      stream = client.stream;
      read = stream?.bytesRead;
      since = now;
    } else if (now - since >= longestMs) {
      client.socketTimeoutTimer = undefined;
      // The words of ioredis, by which its close is told from others.
      stream?.destroy(new Error(`Socket timeout. Expecting data, but didn't receive any in ${longestMs}ms.`));
      return;
    }
    lookLater();
  };
  const lookLater = (): void => {
    client.socketTimeoutTimer = systemClock.setTimer(look, longestMs / looksPerSilence, { unref: true });
  };
  lookLater();
}
