import type { Socket } from 'node:net';
import type { Clock, Timer } from '@lockstep/core';

/** What all lanes of one direction do at the moment. */
export interface LaneFaults {
  held: boolean;
  delayMs: number;
  bytesPerSecond: number;
}

interface Parcel {
  readonly dueAt: number;
  readonly bytes: Buffer;
}

/** Beyond this the sender is not read any more, so that it feels the back-pressure of a real network. */
const highWaterBytes = 256 * 1024;

/** A throttled lane forwards in pieces of this share of a second. */
const piecesPerSecond = 20;

/**
 * One direction of one connection: bytes leave in the order in which they came, late or slowly, but never with a gap.
 * A gap would shift the pairing of requests and replies, which TCP never does. An empty parcel is the end of stream.
 */
export class ProxyLane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: LaneFaults;
  readonly #clock: Clock;
  #parcels: Parcel[] = [];
  #waitingBytes = 0;
  #freeAt = 0;
  #timer: Timer | undefined;
  #draining = false;

  constructor(from: Socket, to: Socket, faults: LaneFaults, clock: Clock) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#clock = clock;
    to.on('drain', () => {
      this.#draining = false;
      this.pump();
    });
  }

  send(bytes: Buffer): void {
    this.#parcels.push({ bytes, dueAt: this.#clock.monotonic() + this.#faults.delayMs });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > highWaterBytes) this.#from.pause();
    this.pump();
  }

  end(): void {
    this.send(Buffer.alloc(0));
  }

  /** Forwards what is due; called again whenever the faults change. */
  pump(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (let next = this.#parcels[0]; next !== undefined; next = this.#parcels[0]) {
      if (this.#faults.held || this.#draining) return;
      const waitMs = Math.max(next.dueAt, this.#freeAt) - this.#clock.monotonic();
      if (waitMs > 0) {
        this.#timer = this.#clock.setTimer(() => this.pump(), waitMs);
        return;
      }
      this.#forward(next);
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#parcels = [];
  }

  #forward(parcel: Parcel): void {
    this.#parcels.shift();
    if (parcel.bytes.length === 0) {
      this.#to.end();
      return;
    }
    const piece = this.#cut(parcel);
    this.#waitingBytes -= piece.length;
    if (this.#waitingBytes <= highWaterBytes) this.#from.resume();
    this.#draining = !this.#to.write(piece);
  }

  #cut(parcel: Parcel): Buffer {
    const { bytesPerSecond } = this.#faults;
    if (bytesPerSecond === Infinity) return parcel.bytes;
    const size = Math.max(1, Math.floor(bytesPerSecond / piecesPerSecond));
    const piece = parcel.bytes.subarray(0, size);
    const rest = parcel.bytes.subarray(size);
    if (rest.length > 0) this.#parcels.unshift({ bytes: rest, dueAt: parcel.dueAt });
    this.#freeAt = this.#clock.monotonic() + (piece.length * 1_000) / bytesPerSecond;
    return piece;
  }
}
