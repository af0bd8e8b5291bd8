import { EventEmitter } from 'node:events';
import { eventually } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { IoredisClient } from '../src/ioredis/link.ts';
import { patient } from '../src/ioredis/patient-socket.ts';

class FakeSocket {
  bytesRead = 10;
  readonly ends: (Error | undefined)[] = [];

  destroy(error?: Error): this {
    this.ends.push(error);
    return this;
  }
}

/** A client that has just connected over a socket. */
function connectedOver(stream: FakeSocket | undefined): void {
  const client = Object.assign(new EventEmitter(), { stream });
  patient(client as unknown as IoredisClient);
  client.emit('connect');
}

const silence = (): Error => new Error("Socket timeout. Expecting data, but didn't receive any in 1000ms.");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a patient socket', () => {
  it('is kept when something was read after all', async () => {
    const [late, silent] = [new FakeSocket(), new FakeSocket()];
    for (const socket of [late, silent]) connectedOver(socket);
    late.destroy(silence());
    silent.destroy(silence());
    late.bytesRead += 1;
    expect(silent.ends).toEqual([]);
    await eventually(() => expect(silent.ends).toEqual([silence()]));
    await turn();
    expect(late.ends).toEqual([]);
  });

  it('ends at once for any other reason', () => {
    const socket = new FakeSocket();
    connectedOver(socket);
    socket.destroy(new Error('read ECONNRESET'));
    socket.destroy();
    expect(socket.ends).toEqual([new Error('read ECONNRESET'), undefined]);
  });

  it('is made of each node of a Cluster, as it comes', async () => {
    const cluster = Object.assign(new EventEmitter(), { isCluster: true });
    patient(cluster as unknown as IoredisClient);
    const stream = new FakeSocket();
    const node = Object.assign(new EventEmitter(), { stream });
    cluster.emit('+node', node);
    node.emit('connect');
    stream.destroy(silence());
    expect(stream.ends).toEqual([]);
    await eventually(() => expect(stream.ends).toHaveLength(1));
  });

  it('may be missing already when its client tells of it', () => {
    expect(() => connectedOver(undefined)).not.toThrow();
  });
});
