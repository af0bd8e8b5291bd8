import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock } from '@lockstep/core';
import { ReplyPairing } from './lost-reply.ts';
import type { LostReply } from './lost-reply.ts';
import { ProxyLane } from './proxy-lane.ts';
import type { LaneFaults } from './proxy-lane.ts';

export interface ProxyConnectionOptions {
  readonly target: { readonly host: string; readonly port: number };
  readonly requestFaults: LaneFaults;
  readonly replyFaults: LaneFaults;
  readonly lostReplies: LostReply[];
  readonly clock: Clock;
  onReplyLost(): void;
  onReset(): void;
  onClosed(): void;
}

/** Node refuses to reset a socket whose end is still on its way, and then keeps it for ever: that one is only closed. */
function cutOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A client's socket, the socket to the server, and the two lanes between them. */
export class ProxyConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #requests: ProxyLane;
  readonly #replies: ProxyLane;
  readonly #pairing: ReplyPairing;
  readonly #options: ProxyConnectionOptions;
  #over = false;

  constructor(client: Socket, options: ProxyConnectionOptions) {
    const server = connect({ ...options.target, allowHalfOpen: true, noDelay: true });
    this.#options = options;
    this.#client = client.setNoDelay(true);
    this.#server = server;
    this.#requests = new ProxyLane(client, server, options.requestFaults, options.clock);
    this.#replies = new ProxyLane(server, client, options.replyFaults, options.clock);
    this.#pairing = new ReplyPairing(options.lostReplies);
    client.on('data', (chunk) => this.#forwardRequest(chunk)).on('end', () => this.#requests.end());
    server.on('data', (chunk) => this.#forwardReply(chunk)).on('end', () => this.#replies.end());
    for (const socket of [client, server]) {
      socket.on('error', () => this.reset()).on('close', () => this.#closed());
    }
  }

  /** Ends both sides with RST; bytes on their way are lost. */
  reset(): void {
    if (this.#over) return;
    this.#options.onReset();
    cutOff(this.#client);
    cutOff(this.#server);
    this.#finish();
  }

  faultsChanged(): void {
    this.#requests.pump();
    this.#replies.pump();
  }

  #forwardRequest(chunk: Buffer): void {
    this.#pairing.request(chunk);
    this.#requests.send(chunk);
  }

  #forwardReply(chunk: Buffer): void {
    const length = this.#pairing.reply(chunk);
    if (length > 0) this.#replies.send(chunk.subarray(0, length));
    if (length === chunk.length) return;
    this.#options.onReplyLost();
    this.reset();
  }

  /** One side alone may be closed while the other still has bytes to come. */
  #closed(): void {
    if (this.#client.destroyed && this.#server.destroyed) this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#requests.close();
    this.#replies.close();
    this.#options.onClosed();
  }
}
