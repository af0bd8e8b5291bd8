import { RespScanner } from './resp-scanner.ts';

/** A reply that is to be lost: that of the next request whose bytes contain `match`. */
export interface LostReply {
  readonly match: Buffer;
}

/**
 * Pairs the requests and replies of one connection (RESP2: the n-th reply answers the n-th request) to find the reply
 * that is to be lost. A subscriber's connection does not pair and is not supported.
 */
export class ReplyPairing {
  /** Shared by all connections of a proxy: who sees a matching request first takes the entry out. */
  readonly #wanted: LostReply[];
  readonly #requests = new RespScanner();
  readonly #replies = new RespScanner();
  #partialRequest: Buffer[] = [];
  #sent = 0;
  #received = 0;
  #victim: number | undefined;

  constructor(wanted: LostReply[]) {
    this.#wanted = wanted;
  }

  request(chunk: Buffer): void {
    let start = 0;
    for (const end of this.#requests.push(chunk)) {
      this.#sent++;
      this.#choose(Buffer.concat([...this.#partialRequest, chunk.subarray(start, end)]));
      this.#partialRequest = [];
      start = end;
    }
    if (start < chunk.length) this.#partialRequest.push(chunk.subarray(start));
  }

  /** How many bytes of the chunk may go on; fewer than there are when the reply to lose begins in it. */
  reply(chunk: Buffer): number {
    let start = 0;
    for (const end of this.#replies.push(chunk)) {
      if (this.#isVictim()) return start;
      this.#received++;
      start = end;
    }
    return start < chunk.length && this.#isVictim() ? start : chunk.length;
  }

  /** Its first byte proves that the server has executed the request. */
  #isVictim(): boolean {
    return this.#victim === this.#received + 1;
  }

  #choose(request: Buffer): void {
    if (this.#victim !== undefined) return;
    const index = this.#wanted.findIndex(({ match }) => request.includes(match));
    if (index === -1) return;
    this.#wanted.splice(index, 1);
    this.#victim = this.#sent;
  }
}
